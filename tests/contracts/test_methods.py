"""What holds for every method with every objective, found by discovery: a new file is tested by existing."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253

from storage.bases import checkpoint_headers
from templates import capabilities, registry
from templates.errors import BadInput
from templates.recipe import compose
from tests.contracts.contract import CPU, ahead, learns_and_survives_saving, logits_of, n_trained, rows_of
from workers import models
from workers.training import batches

PRODUCT = [
    pair
    for pair in product(registry.objectives(), registry.methods())
    if not capabilities.refusals(registry.objective(pair[0]), registry.method(pair[1]))
]
EVERY_RUN = [pair for pair in PRODUCT if pair[0] == "sft" or pair[1] == "lora"]
LONG = [pair for pair in PRODUCT if pair not in EVERY_RUN]
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("lora", {"use_rslora": True, "r": 4, "lora_alpha": 8}),
    ("lora", {"use_dora": True, "r": 4}),
    ("lora", {"use_dora": True, "quantization": "nf4", "r": 4}),
    ("lora", {"target_modules": "attention"}),
    ("lora", {"init_lora_weights": "gaussian"}),
    ("lora", {"init_lora_weights": "eva", "r": 4}),
    ("lora", {"init_lora_weights": "olora", "r": 8}),
    ("lora", {"init_lora_weights": "pissa", "r": 8}),
    ("lora", {"init_lora_weights": "pissa", "use_rslora": True, "r": 8, "lora_alpha": 8}),
    ("lora", {"quantization": "int8"}),
    ("lora", {"quantization": "nf4"}),
]
LONG_SETTINGS = [
    ("bottleneck", {"placement": "houlsby", "activation": "relu"}),
    ("last_layers", {"last": 1, "train_head": False}),
    ("p_tuning", {"encoder_reparameterization_type": "LSTM"}),
    ("prompt_tuning", {"prompt_tuning_init": "RANDOM"}),
    ("road", {"variant": "road_4"}),
    *(
        (key, {"quantization": quantization})
        for key, method in registry.methods().items()
        for quantization in method.quantizations
        if quantization != "none" and key != "lora"
    ),
]


@pytest.mark.parametrize(
    ("objective", "method"), [*EVERY_RUN, *(pytest.param(*pair, marks=pytest.mark.long) for pair in LONG)]
)
def test_every_method_learns_every_objective_and_survives_saving(
    objective: str, method: str, tiny_model_folder: Path, tmp_path: Path
) -> None:
    recipe = compose(objective, method, facts=checkpoint_headers.facts(tiny_model_folder))
    learns_and_survives_saving(recipe, tiny_model_folder, tmp_path)


@pytest.mark.parametrize(
    ("method", "settings"),
    [*SETTINGS, *(pytest.param(*one, marks=pytest.mark.long) for one in LONG_SETTINGS)],
    ids=lambda value: str(value),
)
def test_variants_learn_and_survive_saving(
    method: str, settings: dict[str, Any], tiny_model_folder: Path, tmp_path: Path
) -> None:
    recipe = compose("sft", method, settings=settings, facts=checkpoint_headers.facts(tiny_model_folder))
    learns_and_survives_saving(recipe, tiny_model_folder, tmp_path)


def test_gradients_reach_the_first_layer_of_a_quantized_base_after_an_evaluation(nano_folder: Path) -> None:
    rows = rows_of("sft", nano_folder)
    gradients = []
    for evaluated in (False, True):
        torch.manual_seed(0)
        base = models.load_base(nano_folder, "nf4", CPU)
        model = models.adapt(
            base, compose("sft", "lora", quantization="nf4", settings={"init_lora_weights": "gaussian"})
        )
        if evaluated:
            logits_of(model.eval(), rows)
        model.train()(**batches.padded(rows)).loss.backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.requires_grad})
    first = next(name for name in gradients[0] if "layers.0" in name and "lora_B" in name)
    assert gradients[0][first].abs().sum() > 0
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize("method", registry.methods())
def test_a_method_trains_what_it_says(method: str, tiny_model_folder: Path) -> None:
    recipe = compose("sft", method, facts=checkpoint_headers.facts(tiny_model_folder))
    model = models.adapt(models.load_base(tiny_model_folder, where=CPU), recipe, ahead("sft", tiny_model_folder))
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    every = {name for name, _ in model.named_parameters()}
    assert trained
    assert (trained == every) == (registry.method(method).trains == "all_weights")


@pytest.mark.parametrize("method", registry.methods())
def test_a_method_runs_on_the_precisions_it_declares_and_refuses_others(method: str) -> None:
    for quantization in ("none", "int8", "nf4"):
        if quantization in registry.method(method).quantizations:
            assert compose("sft", method, quantization=quantization).quantization == quantization  # type: ignore[arg-type]
        else:
            with pytest.raises(BadInput):
                compose("sft", method, quantization=quantization)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", registry.methods())
def test_the_estimated_number_of_trained_parameters_is_about_right(method: str, nano_folder: Path) -> None:
    facts = checkpoint_headers.facts(nano_folder)
    recipe = compose("sft", method, facts=facts)
    counted = registry.method(method).n_trained(recipe.adaptation(), facts)
    assert counted == pytest.approx(n_trained(recipe, nano_folder), rel=0.2)
