"""Which ways of training a model fit on which workers, before there is any data.

Every estimate is that of the preflight card, for rows of a usual length. A way fits as it is advised, or with one row
at a time and activations computed again; what doesn't fit even then is said with the memory or disk that it needs.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from storage.jobs import worker_rows
from storage.models import Worker
from storage.planning import estimates, machines
from storage.planning.machines import Machine
from storage.rendering.rendered_rows import LengthReport
from templates.errors import BadInput
from templates.quantities import size
from templates.recipe import Recipe, compose
from templates.spec import BaseFacts, Quantization

OBJECTIVE = "sft"
LONGEST_ROW, MEAN_ROW, MEAN_ANSWER = 512, 200, 60
"""Tokens of the assumed rows: long questions with answers of a few sentences."""
N_ROWS = 1_000
GIB = 2**30
SMALLEST = {"per_device_train_batch_size": 1, "gradient_checkpointing": True}
ASSUMED = f"for rows of up to {LONGEST_ROW} tokens"


@dataclass(frozen=True)
class Way:
    """A way of training that people know by its name."""

    title: str
    method: str
    quantization: Quantization
    fits: str = "fits"
    """The verb after the title."""


WAYS = (Way("LoRA", "lora", "none"), Way("QLoRA", "lora", "nf4"), Way("all weights", "full", "none", "fit"))


@dataclass(frozen=True)
class Need:
    """What a way of training needs on one kind of device."""

    way: Way
    memory_bytes: int
    """As advised."""
    least_bytes: int
    """Memory with the smallest steps."""
    disk_bytes: int
    why_not: str = ""
    """The reason why this way can't be used on the model at all; empty if it can."""


@dataclass(frozen=True)
class Fit:
    """Whether a way of training fits on a machine."""

    need: Need
    fits: bool
    is_tight: bool = False
    """Only with one row at a time, and activations computed again."""
    short_of: str = ""
    """`memory` or `disk`, if it doesn't fit."""

    @property
    def way(self) -> Way:
        """The way of training."""
        return self.need.way

    @property
    def words(self) -> str:
        """`LoRA fits`, or `all weights ✗ needs ≈ 9 GB`."""
        return f"{self.way.title} {self.answer}"

    @property
    def answer(self) -> str:
        """The same without the way's title."""
        if self.need.why_not:
            return "✗ not for this architecture"
        if self.fits:
            return self.way.fits
        verb = "needs" if self.way.fits == "fits" else "need"
        if self.short_of == "disk":
            return f"✗ {verb} ≈ {size(self.need.disk_bytes)} of disk"
        return f"✗ {verb} ≈ {size(self.need.least_bytes)}"

    @property
    def details(self) -> str:
        """How much it needs, in a sentence."""
        if self.need.why_not:
            return self.need.why_not
        least, advised = size(self.need.least_bytes), size(self.need.memory_bytes)
        return (
            f"≈ {least} of memory with one row at a time and activations computed again, up to {advised} as advised, "
            f"{ASSUMED}; ≈ {size(self.need.disk_bytes)} of disk"
        )


@dataclass(frozen=True)
class Kind:
    """Live workers with the same device and about as much memory; or this machine, where none lives."""

    title: str
    n_workers: int
    machine: Machine

    @property
    def free(self) -> str:
        """What a job can count on there, in words."""
        return f"{size(self.machine.memory_free_bytes)} of memory and {size(self.machine.disk_free_bytes)} of disk free"


def kinds() -> list[Kind]:
    """The kinds of workers that take jobs; this machine without one."""
    groups: dict[tuple[str, int], list[Worker]] = defaultdict(list)
    for worker in worker_rows.alive():
        if not worker.draining:
            groups[worker.device, round(worker.memory_total_bytes / GIB)].append(worker)
    found = []
    for (device, _), workers in groups.items():
        freest = max(map(machines.of_worker, workers), key=lambda machine: machine.memory_free_bytes)
        total = max(worker.memory_total_bytes for worker in workers)
        title = "CPU" if device == "cpu" else device
        found.append(Kind(f"{title}, {size(total)}" if total else title, len(workers), freest))
    return found or [Kind("this machine", 0, machines.of_worker(None))]


def of(facts: BaseFacts, kind: Kind) -> list[Fit]:
    """Whether each way of training fits on this kind of worker."""
    return [_fit(need, kind.machine) for need in needs(facts, kind.machine.on_gpu)]


def _fit(need: Need, machine: Machine) -> Fit:
    room = estimates.ROOM * machine.memory_free_bytes
    if need.why_not:
        return Fit(need, fits=False)
    if need.least_bytes > room:
        return Fit(need, fits=False, short_of="memory")
    if need.disk_bytes > estimates.ROOM * machine.disk_free_bytes:
        return Fit(need, fits=False, short_of="disk")
    return Fit(need, fits=True, is_tight=need.memory_bytes > room)


@lru_cache(maxsize=1024)
def needs(facts: BaseFacts, on_gpu: bool) -> tuple[Need, ...]:
    """What each way of training needs, whatever machine it is; remembered, because pages ask every few seconds."""
    return tuple(_need(facts, way, on_gpu) for way in WAYS)


def _need(facts: BaseFacts, way: Way, on_gpu: bool) -> Need:
    try:
        advised = compose(OBJECTIVE, way.method, quantization=way.quantization, facts=facts)
    except BadInput as error:
        return Need(way, 0, 0, 0, why_not=str(error))
    smallest = advised.model_copy(update={"objective_params": {**advised.objective_params, **SMALLEST}})
    memory, least = (_estimate(facts, recipe, on_gpu) for recipe in (advised, smallest))
    return Need(way, memory.memory_bytes, least.memory_bytes, memory.disk_bytes)


def _estimate(facts: BaseFacts, recipe: Recipe, on_gpu: bool) -> estimates.Estimate:
    nowhere = Machine("", on_gpu, 0, 0, machines.CPU_FLOP_PER_S, calibrated=False)
    return estimates.estimate(facts, recipe, _rows(facts.context_length), 0, nowhere)


def _rows(context_length: int) -> LengthReport:
    longest = min(LONGEST_ROW, context_length)
    share = longest / LONGEST_ROW
    return LengthReport(
        n_rows=N_ROWS,
        n_truncated=0,
        n_refused=0,
        n_examples=N_ROWS,
        n_tokens=round(share * MEAN_ROW * N_ROWS),
        n_trained_tokens=round(share * MEAN_ANSWER * N_ROWS),
        n_cut_tokens=0,
        n_with_control_tokens=0,
        longest=longest,
        histogram=[],
        refused_rows=[],
        truncated_rows=[],
    )
