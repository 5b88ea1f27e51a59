"""Intruder dimensions: found and reduced as PEFT says, in place, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from peft import PeftModel

from storage.bases import checkpoint_headers
from templates.jobs.reduce_intruders import ReduceIntrudersParams
from templates.recipe import compose
from workers import models
from workers.training import intruders

KEPT = 0.25


@pytest.fixture
def adapted(tiny_model_folder: Path) -> PeftModel:
    """LoRA whose one layer has a strong direction that its base does not have."""
    facts = checkpoint_headers.facts(tiny_model_folder)
    recipe = compose("sft", "lora", settings={"r": 2, "lora_alpha": 2}, facts=facts)
    model = models.adapt(models.load_base(tiny_model_folder, where=torch.device("cpu")), recipe)
    layer = _layer(model)
    torch.manual_seed(3)
    with torch.no_grad():
        layer.lora_A["default"].weight.normal_()
        layer.lora_B["default"].weight.normal_()
    assert isinstance(model, PeftModel)
    return model


def _layer(model: PeftModel) -> torch.nn.Module:
    found: torch.nn.Module = model.base_model.model.model.layers[0].self_attn.q_proj
    return found


def _strongest(weight: torch.Tensor) -> torch.Tensor:
    return torch.linalg.svdvals(weight)


def test_intruders_keep_the_share_that_was_asked_for(adapted: PeftModel) -> None:
    layer = _layer(adapted)
    base, before = layer.base_layer.weight.clone(), layer.get_delta_weight("default").clone()
    others = {n: p.clone() for n, p in adapted.named_parameters() if "layers.0.self_attn.q_proj" not in n}
    heard = list[int]()
    found = intruders.reduce(adapted, ReduceIntrudersParams(top_k=2, mitigation_lambda=KEPT), heard.append)
    assert found.n_intruders == 2
    assert (found.n_changed, found.n_layers) == (1, intruders.n_layers(adapted))
    assert heard == list(range(1, found.n_layers + 1))
    assert found.sentence.startswith("2 intruder dimensions in 1 of ")
    after = layer.get_delta_weight("default")
    left, was = _strongest(base + after), _strongest(base + before)
    assert left[0] < 0.6 * was[0], "what was strong is weaker"
    assert torch.equal(layer.base_layer.weight, base)
    now = dict(adapted.named_parameters())
    assert all(torch.equal(value, now[name]) for name, value in others.items())
    assert list(adapted.peft_config) == ["default"]
    assert adapted.active_adapter == "default"


def test_without_intruders_the_adapter_is_unchanged(adapted: PeftModel) -> None:
    before = {name: value.clone() for name, value in adapted.state_dict().items()}
    found = intruders.reduce(adapted, ReduceIntrudersParams(threshold_epsilon=1e-6), lambda _n: None)
    assert found.n_intruders == 0
    assert "the adapter is unchanged" in found.sentence
    after = adapted.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_it_can_be_interrupted(adapted: PeftModel) -> None:
    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        intruders.reduce(adapted, ReduceIntrudersParams(), stop)
