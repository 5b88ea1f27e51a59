"""Weights that don't fit the config are never filled up at random."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from templates.errors import StudioError
from tests.contracts import small_models
from workers import weights

Tensors = dict[str, torch.Tensor]


def changed(folder: Path, change: Callable[[Tensors], Tensors]) -> Path:
    file = folder / "model.safetensors"
    safetensors.torch.save_file(change(safetensors.torch.load_file(file)), file, metadata={"format": "pt"})
    return folder


def without_norm(tensors: Tensors) -> Tensors:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith("q_norm.weight")}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            without_norm,
            "the files lack model.layers.0.self_attn.q_norm.weight, model.layers.1.self_attn.q_norm.weight.",
        ),
        (lambda t: {**t, "score.weight": torch.ones(2, 64)}, "the architecture has no place for score.weight."),
        (
            lambda t: {f"net.{name}": tensor for name, tensor in t.items()},
            r"the files lack lm_head.weight, .* more; the architecture has no place for net\.model",
        ),
        (lambda t: {**t, "model.norm.weight": torch.ones(32)}, "these have another shape .*: model.norm.weight."),
    ],
)
def test_weights_that_dont_fit_are_refused_by_name(
    tmp_path: Path, change: Callable[[Tensors], Tensors], sentence: str
) -> None:
    folder = changed(small_models.write("qwen3", tmp_path), change)
    with pytest.raises(StudioError, match=sentence):
        weights.load(folder)


def test_masks_of_older_versions_are_not_weights(tmp_path: Path) -> None:
    folder = small_models.write("gptj", tmp_path)
    masks = {"transformer.h.0.attn.bias": torch.ones(1, 1, 8, 8), "transformer.h.0.attn.masked_bias": torch.ones(())}
    assert weights.load(changed(folder, lambda tensors: {**tensors, **masks}))


@pytest.mark.parametrize("name", ["qwen3", "phi3", "gpt2", "gemma1"])
def test_tied_sharded_and_small_weights_are_whole(name: str, tmp_path: Path) -> None:
    folder = small_models.write(name, tmp_path)
    model = weights.load(folder, dtype=torch.float32)
    assert json.loads((folder / "config.json").read_text())["architectures"] == [type(model).__name__]
    assert all(parameter.isfinite().all() for parameter in model.parameters())
