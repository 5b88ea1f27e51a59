"""A smaller copy of a base: evenly spaced layers, which still answer as one model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from storage.bases import checkpoint_headers
from templates import registry
from templates.errors import BadInput
from templates.methods.fewer_layers import n_kept
from templates.recipe import Recipe, compose
from templates.spec import BaseFacts
from tests.contracts import small_models
from workers import models, weights
from workers.methods.fewer_layers import chosen

CPU = torch.device("cpu")
PROMPT = torch.tensor([[5, 6, 7, 8]])


def _declared(recipe: Recipe, facts: BaseFacts) -> int:
    return registry.method(recipe.method).n_trained(recipe.adaptation(), facts)


@pytest.mark.parametrize(("n_layers", "n", "kept"), [(6, 3, [0, 2, 5]), (6, 2, [0, 5]), (6, 1, [0]), (2, 1, [0])])
def test_the_layers_kept_are_evenly_spaced(n_layers: int, n: int, kept: list[int]) -> None:
    assert chosen(n_layers, n) == kept


def test_the_copy_is_as_small_as_declared_and_loads_by_itself(nano_folder: Path, tmp_path: Path) -> None:
    facts = checkpoint_headers.facts(nano_folder)
    recipe = compose("sft", "fewer_layers", settings={"every": 3}, facts=facts)
    copy = models.adapt(models.load_base(nano_folder, where=CPU, dtype="float32"), recipe)
    models.save(copy, recipe, tmp_path, "F32")
    found = checkpoint_headers.facts(tmp_path)
    assert found.n_layers == n_kept(3, facts.n_layers) == 2
    assert found.n_parameters == pytest.approx(_declared(recipe, facts), rel=0.01)
    with torch.no_grad():
        assert torch.equal(weights.load(tmp_path)(input_ids=PROMPT).logits, copy.eval()(input_ids=PROMPT).logits)


@pytest.mark.parametrize("name", ["gpt2", "gemma3", "qwen3moe"])
def test_it_answers_with_its_cache_as_without(name: str, tmp_path: Path) -> None:
    folder = small_models.write(name, tmp_path)
    facts = checkpoint_headers.facts(folder)
    recipe = compose("sft", "fewer_layers", settings={"every": 2}, facts=facts)
    copy = models.adapt(models.load_base(folder, where=CPU), recipe).eval()
    said = [
        copy.generate(input_ids=PROMPT, max_new_tokens=6, min_new_tokens=6, do_sample=False, use_cache=cached)
        for cached in (True, False)
    ]
    assert torch.equal(*said)


def test_more_than_there_are_is_refused(tiny_model_folder: Path) -> None:
    with pytest.raises(BadInput, match="only 2 layers"):
        compose("sft", "fewer_layers", settings={"every": 3}, facts=checkpoint_headers.facts(tiny_model_folder))
