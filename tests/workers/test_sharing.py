"""Which architectures let rows of different lengths share a batch is found out by trying."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedModel, RwkvConfig

from tests.contracts import small_models
from workers import models, sharing
from workers.evaluation import generation, losses
from workers.training import batches


@pytest.fixture
def recurrent() -> PreTrainedModel:
    """A model that reads padding on the left like any other token."""
    torch.manual_seed(0)
    config = RwkvConfig(vocab_size=60, hidden_size=32, num_hidden_layers=2, attention_hidden_size=32, context_length=64)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model


@pytest.mark.parametrize("name", ["llama32", "bloom", "opt", "gemma3", "qwen3moe"])
def test_attention_ignores_padding(name: str, tmp_path: Path) -> None:
    assert sharing.may_share(models.load_base(small_models.write(name, tmp_path)))


def test_in_16_bits_rounding_counts_for_nothing(recurrent: Any, tiny_model_folder: Path) -> None:
    assert sharing.may_share(models.load_base(tiny_model_folder, dtype="bfloat16"))
    assert not sharing.may_share(recurrent.to(torch.bfloat16))


def test_what_reads_padding_answers_and_is_scored_row_by_row(recurrent: Any) -> None:
    assert not sharing.may_share(recurrent)
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14], [15, 16, 17, 18, 19]]
    ask = {"eos_ids": [0], "max_new_tokens": 6}
    together = generation.answers(recurrent, prompts, **ask)
    assert together == [generation.answers(recurrent, [prompt], **ask)[0] for prompt in prompts]
    rows = [[(prompt, [False, *[True] * (len(prompt) - 1)])] for prompt in prompts]
    nll, _ = losses.losses(recurrent, rows)
    assert nll == pytest.approx([losses.losses(recurrent, [row])[0][0] for row in rows])


def test_what_reads_padding_is_trained_with_padding_on_the_right(recurrent: Any) -> None:
    rows = [
        batches.Example(ids, [False, False, *[True] * (len(ids) - 2)])
        for ids in ([5, 6, 7, 8], [9, 10, 11, 12, 13, 14])
    ]
    collate = batches.collator(0, frozenset({"input_ids", "attention_mask", "labels"}), on_the_right=True)
    alone = [recurrent(**collate([[row]])).loss.item() for row in rows]
    together = recurrent(**collate([rows])).loss.item()
    assert together == pytest.approx((2 * alone[0] + 4 * alone[1]) / 6, rel=1e-5)
