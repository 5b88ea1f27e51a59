"""What a method must do on a two-layer model: learn, be saved, be loaded, and leave the base alone."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: TID253

from storage.bases import checkpoint_headers
from storage.rendering.renderer import Renderer
from templates import registry
from templates.recipe import Recipe
from workers import methods, models
from workers.evaluation.losses import losses
from workers.preferences.reward_model import RewardModel
from workers.protocol import ModelRef
from workers.training import batches, results
from workers.training.ahead import TrainingAhead
from workers.training.setups import TrainingData

CPU = torch.device("cpu")
MOST_FOR_A_HEAD = 0.03
"""A fresh head learns with the method's rate, and it is no small change of anything."""
ROWS: dict[str, list[dict[str, Any]]] = {
    "text": [{"text": f"the sky is blue and the sea is {word}"} for word in ("green", "grey", "blue", "black")],
    "prompt_completion": [{"prompt": f"say {word}", "completion": f"{word} it is"} for word in ("a", "b", "c", "d")],
    "classification": [{"text": f"number {n}", "label": "odd" if n % 2 else "even"} for n in range(4)],
    "preference": [
        {"prompt": [{"role": "user", "content": f"say {word}"}], "chosen": f"{word} it is", "rejected": "no"}
        for word in ("a", "b", "c", "d")
    ],
    "messages": [
        {"messages": [{"role": "user", "content": f"hi {n}"}, {"role": "assistant", "content": "hello"}]}
        for n in range(4)
    ],
}


def rows_of(objective: str, folder: Path) -> list[batches.Example]:
    spec = registry.objective(objective)
    shape = spec.row_shapes[0]
    made = batches.render(Renderer(folder), shape, ROWS[shape], max_length=64, trains_prompt=spec.trains_prompt)
    assert made.kept
    return made.kept


def ahead(objective: str, folder: Path) -> TrainingAhead:
    """The training to come, for methods that look at its rows."""
    return TrainingAhead(n_updates=30, examples=lambda: rows_of(objective, folder))


def _train(model: torch.nn.Module, rows: list[batches.Example], rate: float, steps: int = 30) -> list[float]:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate)
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
def logits_of(model: torch.nn.Module, rows: list[batches.Example]) -> torch.Tensor:
    batch = batches.padded(rows)
    del batch["labels"]
    mask = batch["attention_mask"].bool()
    found: torch.Tensor = model(**batch).logits[:, -mask.shape[1] :][mask]  # virtual tokens stand before the others
    return found


def loss_of(model: torch.nn.Module, rows: list[batches.Example]) -> float:
    nll, n_tokens = losses(model, [[(row.ids, row.trained)] for row in rows])
    return float(nll.sum() / n_tokens.sum())


def scores_and_survives_saving(recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    """The same for an objective whose result gives scores: it can't answer, so its own loss falls instead."""
    method, made = registry.method(recipe.method), results.of(recipe.objective)
    rows, shape = ROWS[registry.objective(recipe.objective).row_shapes[0]], "preference"
    rate = min(_rate(recipe, folder), MOST_FOR_A_HEAD)
    settings = recipe.objective_params | {"learning_rate": rate, "num_train_epochs": 30.0}
    params = registry.objective(recipe.objective).params(**settings)
    data = TrainingData(recipe.objective, params, shape, rows, rows, Renderer(folder))
    setup = importlib.import_module(f"workers.objectives.{recipe.objective}").set_up(data)
    torch.manual_seed(1)  # not the seed that drew the tiny model
    model = made.adapted(str(folder), recipe, ahead(recipe.objective, folder), CPU)
    trainer = setup.trainer(model, tmp_path / "drafts")
    for callback in methods.callbacks(recipe.method, model):
        trainer.add_callback(callback)
    before = setup.held_out_loss(model.eval(), lambda: False)
    trainer.train()
    methods.finish(recipe.method, model)
    assert setup.held_out_loss(model.eval(), lambda: False) < 0.9 * before
    stored = checkpoint_headers.facts(folder).stored_dtype
    published = models.as_published(model, recipe, str(folder), stored, tmp_path, made.read)
    saved = tmp_path / "saved"
    models.save(published, recipe, saved, stored)
    assert not list(saved.glob("*.bin"))
    if method.trains == "adapter":
        ref = ModelRef(name="x", base_folder=str(folder), base_revision="1", adapter_folder=str(saved))
    else:
        for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
            (saved / name).write_bytes((folder / name).read_bytes())
        ref = ModelRef(name="x", base_folder=str(saved), base_revision="1")
    answered = [[*row["prompt"], {"role": "assistant", "content": row["chosen"]}] for row in rows]
    judge = RewardModel(published, Renderer(folder), checkpoint_headers.context_length(folder))
    expected = pytest.approx(judge.scores(answered), rel=1e-5)  # AdaLoRA saves the ranks it kept: other shapes
    assert RewardModel.load(ref, CPU).scores(answered) == expected


def _rate(recipe: Recipe, folder: Path) -> float:
    """A method of few numbers needs larger ones to change what random layers compute; it advises so itself."""
    advised = float(registry.method(recipe.method).advised(checkpoint_headers.facts(folder))["learning_rate"])
    return 10 * advised if advised > 1e-2 else 1e-2


def learns_and_survives_saving(recipe: Recipe, folder: Path, tmp_path: Path) -> None:
    if not registry.makes_answering_models(recipe.objective):
        scores_and_survives_saving(recipe, folder, tmp_path)
        return
    method = registry.method(recipe.method)
    rows = rows_of(recipe.objective, folder)
    torch.manual_seed(1)  # not the seed that drew the tiny model
    untouched = logits_of(models.load_base(folder, recipe.quantization, CPU), rows)
    base = models.load_base(folder, recipe.quantization, CPU, dtype="float32")
    model = models.adapt(base, recipe, ahead(recipe.objective, folder))
    before = logits_of(model.eval(), rows)
    assert torch.allclose(before, untouched, atol=2e-4, rtol=1e-3) == method.starts_at_base
    if models.moves_base(recipe):
        models.save_start(model, tmp_path)
    fell = _train(model, rows, _rate(recipe, folder))
    # a prompt hardly moves what random layers answer
    least = 0.98 if method.virtual_tokens(recipe.adaptation()) else 0.95
    assert fell[-1] < least * fell[0]
    own = methods.own_part(recipe.method)
    if own and hasattr(own, "finish"):
        own.finish(model)
    model.eval()
    trained = logits_of(model, rows)
    stored = checkpoint_headers.facts(folder).stored_dtype
    published = models.as_published(model, recipe, str(folder), stored, tmp_path)
    if recipe.quantization == "none":
        torch.testing.assert_close(logits_of(published, rows), trained, atol=2e-3, rtol=1e-3)
    else:  # published on the base in full precision, where what was learned still holds
        assert not models.is_quantized(published)
        assert loss_of(published, rows) < least * fell[0]
    saved = tmp_path / "saved"
    models.save(published, recipe, saved, stored)
    assert not list(saved.glob("*.bin"))
    if method.trains == "adapter":
        with published.disable_adapter():
            assert torch.equal(logits_of(published, rows), logits_of(models.load_base(folder, where=CPU), rows))
        ref = ModelRef(name="x", base_folder=str(folder), base_revision="1", adapter_folder=str(saved))
    else:
        ref = ModelRef(name="x", base_folder=str(saved), base_revision="1")
    loaded = models.load(ref, CPU)
    torch.testing.assert_close(logits_of(loaded, rows), logits_of(published, rows), atol=1e-5, rtol=1e-5)


def n_trained(recipe: Recipe, folder: Path) -> int:
    """How many parameters of the adapted model are trained."""
    many = [batches.Example(range(1000), [True] * 1000)]
    model = models.adapt(models.load_base(folder, where=CPU), recipe, TrainingAhead(30, lambda: many))
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
