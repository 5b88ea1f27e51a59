"""The dtype that a model computes in."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig

from storage.settings import Settings
from templates.recipe import compose
from workers import models, precision

CPU = torch.device("cpu")
WIDE = 576


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that has the instructions, and a studio that is to use them."""
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _where: True)
    monkeypatch.setattr(precision, "settings", lambda: Settings(cpu_dtype="bfloat16"))


@pytest.mark.usefixtures("bfloat16")
def test_a_wide_model_computes_in_bfloat16_where_that_is_wanted() -> None:
    assert precision.compute_dtype(CPU, WIDE) == torch.bfloat16
    assert precision.compute_dtype(CPU, 256) == torch.float32


def test_a_processor_computes_in_32_bits_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _where: True)
    assert precision.compute_dtype(CPU, WIDE) == torch.float32


def test_nothing_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _where: False)
    monkeypatch.setattr(precision, "settings", lambda: Settings(cpu_dtype="bfloat16"))
    assert precision.compute_dtype(CPU, 8192) == torch.float32


def test_a_gpu_needs_no_width_but_the_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    for able, dtype in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation, able=able: able)
        assert precision.compute_dtype(torch.device("cuda"), 64) == dtype


def test_the_width_is_read_whatever_the_architecture_calls_it() -> None:
    assert precision.hidden_size(LlamaConfig(hidden_size=96)) == 96


@pytest.mark.usefixtures("bfloat16")
def test_a_wide_base_multiplies_in_16_bits_and_is_held_in_32(
    tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = torch.tensor([[5, 6, 7, 8]])
    plain = models.load_base(tiny_model_folder, where=CPU)
    monkeypatch.setattr(precision, "WIDE_FROM", 1)
    wide = models.load_base(tiny_model_folder, where=CPU)
    assert (plain.dtype, wide.dtype) == (torch.float32, torch.float32)
    assert [precision.computes_in_16_bits(model) for model in (plain, wide)] == [False, True]
    with torch.no_grad():
        exact, rounded = (model(input_ids=prompt).logits for model in (plain, wide))
    assert 0 < (exact - rounded.float()).abs().max() < 0.05 * exact.std()
    adapted = models.adapt(wide, compose("sft", "lora"))
    assert precision.computes_in_16_bits(adapted)
    adapted(input_ids=prompt, labels=prompt).loss.backward()
    gradients = {p.grad.dtype for p in adapted.parameters() if p.grad is not None}
    assert gradients == {torch.float32}, "an adapter is learned in 32 bits"
    scratch = models.adapt(models.load_base(tiny_model_folder, where=CPU), compose("sft", "from_scratch"))
    assert precision.computes_in_16_bits(scratch)
