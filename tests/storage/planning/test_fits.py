"""Which trainings fit: the estimates of the preflight card, for each kind of worker, quickly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from storage.bases import checkpoint_headers
from storage.jobs import worker_rows
from storage.models import User
from storage.planning import fits, rough_facts
from storage.planning.fits import Kind
from storage.planning.machines import Machine
from templates.layers import Projection
from tests.storage.planning.test_estimates import EIGHT_BILLION
from tests.storage.planning.test_machines import worker

GB = 10**9


def kind(memory: float, disk: float = 10_000, *, on_gpu: bool = False) -> Kind:
    return Kind("x", 1, Machine("x", on_gpu, round(memory * GB), round(disk * GB), 1e10, False))


def words(memory: float, disk: float = 10_000, *, on_gpu: bool = False) -> list[str]:
    like = Projection(place="self_attn.q_proj", shape=(4096, 4096), count=32)
    facts = EIGHT_BILLION.model_copy(update={"projections": (like,)})
    return [fit.words for fit in fits.of(facts, kind(memory, disk, on_gpu=on_gpu))]


def test_more_fits_on_more_memory(studio: User) -> None:
    assert words(4, on_gpu=True)[1].startswith("QLoRA ✗ needs ≈ ")
    small, large = words(12, on_gpu=True), words(30, on_gpu=True)
    assert small[0].startswith("LoRA ✗ needs ≈ ")
    assert small[1] == "QLoRA fits"
    assert large[:2] == ["LoRA fits", "QLoRA fits"]
    assert large[2].startswith("all weights ✗ need ≈ 1"), "16 bytes for each of 8 billion weights"
    assert words(200, on_gpu=True) == ["LoRA fits", "QLoRA fits", "all weights fit"]


def test_a_small_disk_is_said(studio: User) -> None:
    assert words(200, 100, on_gpu=True)[2] == "all weights ✗ need ≈ 353 GB of disk"


def test_what_fits_with_the_smallest_steps_only_says_so(studio: User) -> None:
    facts = rough_facts.of(135_000_000, 8192)
    need = fits.needs(facts, on_gpu=False)[0]
    assert need.least_bytes < need.memory_bytes
    between = (need.least_bytes / 0.95 + need.memory_bytes / 0.95) / 2 / GB
    tight = fits.of(facts, kind(between))[0]
    assert tight.fits
    assert tight.is_tight
    assert not fits.of(facts, kind(1_000))[0].is_tight


def test_a_model_without_the_layers_that_a_method_needs_says_why(studio: User, nano_folder: Path) -> None:
    facts = checkpoint_headers.facts(nano_folder).model_copy(update={"projections": (), "linear_modules": ()})
    lora, _, full = fits.of(facts, kind(100))
    if lora.need.why_not:
        assert lora.words == "LoRA ✗ not for this architecture"
        assert lora.details == lora.need.why_not
    assert full.fits


@pytest.mark.parametrize("n_parameters", [135e6, 0.6e9, 1.7e9, 4e9, 8e9, 14e9, 32e9])
def test_rough_facts_have_the_size_that_is_known(n_parameters: float) -> None:
    facts = rough_facts.of(int(n_parameters), 4096)
    built = facts.n_linear_parameters + facts.vocab_size * facts.hidden_size
    assert built == pytest.approx(n_parameters, rel=0.1)
    assert sum(p.shape[0] * p.shape[1] * p.count for p in facts.projections) == facts.n_linear_parameters


def test_rough_facts_of_8_billion_parameters_need_about_what_real_ones_do(studio: User) -> None:
    rough, real = rough_facts.of(EIGHT_BILLION.n_parameters, 8192), EIGHT_BILLION
    for guessed, known in zip(fits.needs(rough, True)[1:], fits.needs(real, True)[1:], strict=True):
        if not known.why_not:
            assert guessed.least_bytes == pytest.approx(known.least_bytes, rel=0.25)


def test_workers_are_grouped_by_device_and_memory(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [(k.title, k.n_workers) for k in fits.kinds()] == [("this machine", 0)]
    gib = 2**30
    alive = [
        worker(id="a", memory_total_bytes=16 * gib, memory_free_bytes=3 * gib),
        worker(id="b", memory_total_bytes=16 * gib, memory_free_bytes=9 * gib),
        worker(id="c", device="H200", memory_total_bytes=140 * gib, memory_free_bytes=139 * gib),
        worker(id="d", device="H200", memory_total_bytes=1 * gib, draining=True),
    ]
    monkeypatch.setattr(worker_rows, "alive", lambda: alive)
    cpu, gpu = fits.kinds()
    assert (cpu.title, cpu.n_workers, cpu.machine.memory_free_bytes) == ("CPU, 17 GB", 2, 9 * gib)
    assert (gpu.title, gpu.n_workers, gpu.machine.on_gpu) == ("H200, 150 GB", 1, True)


def test_thirty_models_take_a_page_a_moment(studio: User) -> None:
    facts = [rough_facts.of(n * 1_000_001, 4096) for n in range(100, 3_100, 100)]
    for one in facts:
        fits.of(one, kind(16))
    began = time.process_time()
    for one in facts:
        fits.of(one, kind(16))
    assert time.process_time() - began < 0.05
