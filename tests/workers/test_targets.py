"""Layers to adapt, found in real architectures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from transformers import AutoModelForCausalLM, MambaConfig, PreTrainedModel

from storage.bases import checkpoint_headers
from templates import registry
from templates.errors import StudioError
from templates.layers import Group
from templates.recipe import compose
from tests.contracts import small_models
from workers import models, targets

CPU = torch.device("cpu")
NAMES: dict[str, tuple[list[str], list[str]]] = {
    "gpt2": (["attn.c_proj", "c_attn"], ["c_fc", "mlp.c_proj"]),
    "opt": (["k_proj", "out_proj", "q_proj", "v_proj"], ["fc1", "fc2"]),
    "neox": (["dense", "query_key_value"], ["dense_4h_to_h", "dense_h_to_4h"]),
    "phi3": (["o_proj", "qkv_proj"], ["down_proj", "gate_up_proj"]),
    "llama32": (["k_proj", "o_proj", "q_proj", "v_proj"], ["down_proj", "gate_proj", "up_proj"]),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_group_is_named_by_endings_that_match_nothing_else(name: str, tmp_path: Path) -> None:
    model = models.load_base(small_models.write(name, tmp_path), where=CPU)
    assert (targets.of_group(model, "attention"), targets.of_group(model, "mlp")) == NAMES[name]


def adapted(name: str, folder: Path, method: str, **settings: Any) -> tuple[PreTrainedModel, int]:
    """The adapted model, and how many parameters its method says that it trains."""
    facts = checkpoint_headers.facts(small_models.write(name, folder))
    recipe = compose("sft", method, settings=settings, facts=facts)
    said = registry.method(method).n_trained(recipe.adaptation(), facts)
    return models.adapt(models.load_base(folder, where=CPU), recipe), said


@pytest.mark.parametrize("name", ["gpt2", "opt", "neox", "falcon", "gptj", "phi3"])
@pytest.mark.parametrize("group", get_args(Group))
def test_lora_trains_only_the_group(name: str, group: Group, tmp_path: Path) -> None:
    model, said = adapted(name, tmp_path, "lora", target_modules=group)
    trained = {name: parameter.numel() for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert sum(trained.values()) == said
    attention = {name for name in trained if "attn" in name or "attention" in name}
    assert attention == (set(trained) if group == "attention" else set())


@pytest.mark.parametrize("name", ["gpt2", "opt", "bloom", "qwen3moe"])
def test_lora_on_all_layers_says_how_much_it_trains(name: str, tmp_path: Path) -> None:
    model, said = adapted(name, tmp_path, "lora")
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == pytest.approx(said, rel=0.2)


@pytest.mark.parametrize("name", ["gpt2", "opt", "neox", "falcon", "starcoder2", "phi3", "gemma1"])
def test_ia3_rescales_any_architecture_and_says_how_much(name: str, tmp_path: Path) -> None:
    model, said = adapted(name, tmp_path, "ia3")
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == said


def test_a_model_without_such_layers_names_those_it_has() -> None:
    config = MambaConfig(vocab_size=50, hidden_size=16, state_size=4, num_hidden_layers=1)
    with pytest.raises(StudioError, match=r"no attention layers to adapt; its layers are called mixer.dt_proj, mixer"):
        targets.of_group(AutoModelForCausalLM.from_config(config), "attention")
