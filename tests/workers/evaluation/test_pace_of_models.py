"""Two models' paces are measured on the same number of tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from workers.evaluation import pace


class Watched:
    """A model that keeps the shapes of what it reads."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.read: list[tuple[int, ...]] = []

    def eval(self) -> None:
        self.read.append(())

    def __call__(self, *, input_ids: Any, attention_mask: Any, use_cache: bool) -> None:
        assert attention_mask.shape == input_ids.shape
        assert not use_cache
        self.read.append(tuple(input_ids.shape))


def test_a_short_context_reads_fewer_tokens() -> None:
    model: Any = Watched()
    assert pace.pass_seconds(model, 16) >= 0
    assert model.read == [(), *[(pace.N_ROWS, 16)] * pace.TRIES], "in evaluation mode"
    model.read.clear()
    pace.pass_seconds(model, 4096)
    assert model.read[1] == (pace.N_ROWS, pace.N_TOKENS)


def test_a_real_model_takes_time(tiny_model_folder: Path) -> None:
    assert 0 < pace.pass_seconds(AutoModelForCausalLM.from_pretrained(tiny_model_folder), 128) < 5
