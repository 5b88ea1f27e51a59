"""What holds for every method with every objective, found by discovery: a new file is tested by existing."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253

from storage.bases import checkpoint_headers
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput
from templates.recipe import Recipe, compose
from workers import models
from workers.protocol import ModelRef
from workers.training import batches

PAIRS = [
    pytest.param(*pair, marks=() if "sft" in pair or "lora" in pair else pytest.mark.long)
    for pair in product(registry.objectives(), registry.methods())
]
"""Every method with SFT and every objective with LoRA in every run; all of the product in the long one."""
CPU = torch.device("cpu")
ROWS: dict[str, list[dict[str, Any]]] = {
    "text": [{"text": f"the sky is blue and the sea is {word}"} for word in ("green", "grey", "blue", "black")],
    "prompt_completion": [{"prompt": f"say {word}", "completion": f"{word} it is"} for word in ("a", "b", "c", "d")],
    "classification": [{"text": f"number {n}", "label": "odd" if n % 2 else "even"} for n in range(4)],
    "messages": [
        {"messages": [{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "hello"}]}
        for n in range(4)
    ],
}
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("lora", {"use_rslora": True, "r": 4, "lora_alpha": 8}),
    ("lora", {"use_dora": True, "r": 4}),
    ("lora", {"use_dora": True, "quantization": "nf4", "r": 4}),
    ("lora", {"target_modules": "attention"}),
    ("lora", {"init_lora_weights": "gaussian"}),
    ("lora", {"init_lora_weights": "olora", "r": 8}),
    ("lora", {"init_lora_weights": "pissa", "r": 8}),
    ("lora", {"init_lora_weights": "pissa", "use_rslora": True, "r": 8, "lora_alpha": 8}),
    ("lora", {"quantization": "int8"}),
    ("lora", {"quantization": "nf4"}),
]


def _rows(objective: str, folder: Path) -> list[batches.Example]:
    spec = registry.objective(objective)
    shape = spec.row_shapes[0]
    made = batches.render(Renderer(folder), shape, ROWS[shape], max_length=64, trains_prompt=spec.trains_prompt)
    assert made.kept
    return made.kept


def _train(model: torch.nn.Module, rows: list[batches.Example], steps: int = 30) -> list[float]:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    model.train()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(**batches.padded(rows)).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def _logits(model: torch.nn.Module, rows: list[batches.Example]) -> torch.Tensor:
    batch = batches.padded(rows)
    mask = batch["attention_mask"].bool()
    found: torch.Tensor = model(**batch).logits[mask]
    return found


def _learns_and_survives_saving(recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    method = registry.method(recipe.method)
    rows = _rows(recipe.objective, folder)
    torch.manual_seed(1)  # not the seed that drew the tiny model
    untouched = _logits(models.load_base(folder, recipe.quantization, CPU), rows)
    model = models.adapt(models.load_base(folder, recipe.quantization, CPU, dtype="float32"), recipe)
    before = _logits(model.eval(), rows)
    assert torch.allclose(before, untouched, atol=2e-4, rtol=1e-3) == method.starts_at_base
    if models.moves_base(recipe):
        models.save_start(model, tmp_path)
    losses = _train(model, rows)
    assert losses[-1] < 0.95 * losses[0]
    model.eval()
    trained = _logits(model, rows)
    stored = checkpoint_headers.facts(folder).stored_dtype
    published = models.as_published(model, recipe, str(folder), stored, tmp_path)
    if recipe.quantization == "none":
        torch.testing.assert_close(_logits(published, rows), trained, atol=2e-3, rtol=1e-3)
    else:  # published on the base in full precision, where what was learned still holds
        assert not models.is_quantized(published)
        with torch.no_grad():
            assert published(**batches.padded(rows)).loss < 0.95 * losses[0]
    saved = tmp_path / "saved"
    models.save(published, recipe, saved, stored)
    assert not list(saved.glob("*.bin"))
    if method.trains == "adapter":
        with published.disable_adapter():
            assert torch.equal(_logits(published, rows), _logits(models.load_base(folder, where=CPU), rows))
        ref = ModelRef(name="x", base_folder=str(folder), base_revision="1", adapter_folder=str(saved))
    else:
        ref = ModelRef(name="x", base_folder=str(saved), base_revision="1")
    loaded = models.load(ref, CPU)
    torch.testing.assert_close(_logits(loaded, rows), _logits(published, rows), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("objective", "method"), PAIRS)
def test_every_method_learns_every_objective_and_survives_saving(
    objective: str, method: str, tiny_model_folder: Path, tmp_path: Path
) -> None:
    recipe = compose(objective, method, facts=checkpoint_headers.facts(tiny_model_folder))
    _learns_and_survives_saving(recipe, tiny_model_folder, tmp_path)


@pytest.mark.parametrize(("method", "settings"), SETTINGS, ids=lambda value: str(value))
def test_variants_learn_and_survive_saving(
    method: str, settings: dict[str, Any], tiny_model_folder: Path, tmp_path: Path
) -> None:
    recipe = compose("sft", method, settings=settings, facts=checkpoint_headers.facts(tiny_model_folder))
    _learns_and_survives_saving(recipe, tiny_model_folder, tmp_path)


def test_gradients_reach_the_first_layer_of_a_quantized_base_after_an_evaluation(nano_folder: Path) -> None:
    rows = _rows("sft", nano_folder)
    gradients = []
    for evaluated in (False, True):
        torch.manual_seed(0)
        base = models.load_base(nano_folder, "nf4", CPU)
        model = models.adapt(
            base, compose("sft", "lora", quantization="nf4", settings={"init_lora_weights": "gaussian"})
        )
        if evaluated:
            _logits(model.eval(), rows)
        model.train()(**batches.padded(rows)).loss.backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.requires_grad})
    first = next(name for name in gradients[0] if "layers.0" in name and "lora_B" in name)
    assert gradients[0][first].abs().sum() > 0
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize("method", registry.methods())
def test_a_method_trains_what_it_says(method: str, tiny_model_folder: Path) -> None:
    recipe = compose("sft", method, facts=checkpoint_headers.facts(tiny_model_folder))
    model = models.adapt(models.load_base(tiny_model_folder, where=CPU), recipe)
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
    model = models.adapt(models.load_base(nano_folder, where=CPU), recipe)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert registry.method(method).trainable_parameters(recipe.adaptation(), facts) == pytest.approx(trained, rel=0.2)
