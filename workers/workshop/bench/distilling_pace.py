"""How fast a student learns from kept distributions: beside plain SFT, and beside a loop with the teacher in it."""

from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from storage.rendering.renderer import Renderer
from templates.objectives.distill_logits import DistillLogitsParams
from templates.recipe import compose
from workers import models
from workers.distillation import divergences, kept_forms
from workers.evaluation.progress import Channel
from workers.orders.train import Teacher
from workers.protocol import Report
from workers.stages import Watch
from workers.training.setups import TrainingData
from workers.workshop.bench.adapters import Rows
from workers.workshop.bench.setup import Setup

ROUNDS = 3
STEPS = 60
CACHES = ("sampling", "top_k", "full")
LOOP_STEPS = 4
LOOP_SHAPE = 4, 128
"""Rows and tokens of a batch in the loop with the teacher, where every token is learned."""
LARGE = {"hidden_size": 1024, "num_hidden_layers": 9, "intermediate_size": 2816, "num_attention_heads": 16}
"""A teacher of about 120 million parameters; at this size random weights are as slow as any."""


class _Quiet:
    """Nobody listens."""

    abandoned = False

    def send(self, _report: Report) -> None:
        """Drop the report."""


class _Loaded:
    """A teacher for `TrainingData`."""

    def __init__(self, teacher: Teacher, folder: Path, vocab_size: int):
        self._ref, self.name, self.vocab_size, self.readings = teacher.ref, teacher.ref.name, vocab_size, folder
        self.hashes = (teacher.ref.base_revision, teacher.ref.weights_sha256 or "")
        self.renderer, self.context_length = Renderer(Path(teacher.ref.base_folder)), teacher.facts.context_length

    def model(self) -> Any:
        """The teacher, in eval mode."""
        return models.load(self._ref)


def beside_sft(setup: Setup, rows: Rows, teacher: Teacher) -> dict[str, Any]:
    """Tokens per processor second of SFT and of each cache on the same rows, by turns; medians of the ratios."""
    channel: Channel = _Quiet()
    ways: dict[str, Callable[[], float]] = {"sft": lambda: _trained(setup, rows, "sft", {}, None, channel)}
    for cache in CACHES:
        ways[cache] = lambda cache=cache: _trained(  # type: ignore[misc]
            setup, rows, "distill_logits", {"teacher_cache": cache}, teacher, channel
        )
    setup.say(f"pace: {ROUNDS} rounds of {STEPS} updates")
    turns = [{way: measured() for way, measured in ways.items()} for _ in range(1 + ROUNDS)][
        1:
    ]  # the first one warms up
    ratios = {cache: statistics.median(turn[cache] / turn["sft"] for turn in turns) for cache in CACHES}
    return {"sft_tokens_per_s": statistics.median(turn["sft"] for turn in turns), "ratios": ratios}


def _trained(
    setup: Setup, rows: Rows, objective: str, settings: Mapping[str, Any], teacher: Teacher | None, channel: Channel
) -> float:
    """Tokens per processor second of the product's own trainer, without loading, reading and rendering."""
    given = {"learning_rate": 1e-3, "per_device_train_batch_size": 16, "max_length": 128, "max_steps": STEPS}
    files = setup.nano
    recipe = compose(objective, "full", settings={**given, **settings}, facts=files.facts)
    loaded = _Loaded(teacher, setup.folder / "teachers", files.facts.vocab_size) if teacher else None
    train = [dict(row) for row in rows]
    data = TrainingData(
        objective, recipe.training(), "classification", train, [], files.renderer, job_id="pace", teacher=loaded
    )
    made = importlib.import_module(f"workers.objectives.{objective}").set_up(data)
    for work in made.beforehand.values():
        work(Watch(channel))
    model = models.adapt(models.load_base(files.folder, dtype="float32"), recipe)
    trainer = made.trainer(model, Path(tempfile.mkdtemp(dir=setup.folder)))
    began = _clock()
    trainer.train()
    seconds = _clock() - began
    return float(trainer.state.num_input_tokens_seen / seconds)


def beside_a_loop(setup: Setup) -> dict[str, Any]:
    """Seconds per update of CE, of kept distributions, and of a loop with the teacher in it; by turns."""
    setup.say("pace: a teacher of 120 million parameters in the loop")
    torch.manual_seed(0)
    vocab_size = setup.small.facts.vocab_size
    teacher = LlamaForCausalLM(LlamaConfig(vocab_size=vocab_size, num_key_value_heads=16, **LARGE)).eval()
    student = models.load_base(setup.small.folder, dtype="float32").train()
    ids = torch.randint(5, vocab_size, LOOP_SHAPE)
    flat = ids[:, 1:].flatten()
    params = DistillLogitsParams()
    form = kept_forms.of(params)
    with torch.inference_mode():
        log_p = teacher(input_ids=ids).logits[:, :-1].flatten(0, 1).float().log_softmax(-1)
        kept = form.kept(log_p, torch.Generator().manual_seed(0))
    n_bytes = sum(array.nbytes for array in kept.values()) / len(flat)

    def logits() -> torch.Tensor:
        found: torch.Tensor = student(input_ids=ids).logits[:, :-1].flatten(0, 1).float()
        return found

    def by_kept() -> torch.Tensor:
        targets = form.targets(kept, [slice(0, len(flat))])
        return divergences.losses(logits(), flat, targets, params).mean()

    def with_teacher() -> torch.Tensor:
        with torch.no_grad():
            wanted = teacher(input_ids=ids).logits[:, :-1].flatten(0, 1).float().log_softmax(-1)
        return functional.kl_div(logits().log_softmax(-1), wanted, log_target=True, reduction="batchmean")

    losses = {"ce": lambda: functional.cross_entropy(logits(), flat), "kept": by_kept, "loop": with_teacher}
    turns = [{way: _step_s(student, loss) for way, loss in losses.items()} for _ in range(1 + ROUNDS)][1:]
    n_teacher, n_student = (_multiplied(model) for model in (teacher, student))
    return {
        "seconds": {way: statistics.median(turn[way] for turn in turns) for way in losses},
        "times": statistics.median(turn["loop"] / turn["kept"] for turn in turns),
        "limit": (6 * n_student + 2 * n_teacher) / (6 * n_student),
        "n_teacher": n_teacher,
        "n_student": n_student,
        "kept_bytes": n_bytes,
    }


def _step_s(student: Any, loss: Callable[[], torch.Tensor]) -> float:
    """Seconds per update."""
    optimizer = torch.optim.AdamW(student.parameters(), lr=1e-5)
    began = _clock()
    for _ in range(LOOP_STEPS):
        torch.autograd.backward(loss())
        optimizer.step()
        optimizer.zero_grad()
    return (_clock() - began) / LOOP_STEPS


def _clock() -> float:
    """Processor seconds, which other programs on the machine don't lengthen; on a GPU, seconds by the clock."""
    return time.perf_counter() if torch.cuda.is_available() else time.process_time()


def _multiplied(model: Any) -> int:
    """Parameters in matrix products; a tied head counts once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.ndim > 1)


def lines(pace: Mapping[str, Any], loop: Mapping[str, Any]) -> Sequence[str]:
    """Both measurements in words."""
    ratios = ", ".join(f"{cache} {ratio:.2f}" for cache, ratio in pace["ratios"].items())
    seconds, sizes = loop["seconds"], [f"{loop[name] / 1e6:.1f} M" for name in ("n_teacher", "n_student")]
    return [
        f"tokens a processor second as a share of plain SFT's {pace['sft_tokens_per_s']:,.0f}, on the same rows: "
        f"{ratios} (wanted: at least 0.95)",
        f"with a teacher of {sizes[0]} and a student of {sizes[1]} parameters, an update takes {seconds['kept']:.2f} s "
        f"from what was kept, {seconds['loop']:.2f} s with the teacher in the loop, {seconds['ce']:.2f} s by SFT:",
        f"{loop['times']:.1f} times as fast (wanted: 5; by arithmetic at most {loop['limit']:.1f})",
    ]
