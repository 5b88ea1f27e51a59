"""`python -m workers.bench.methods ORDER`: trains each method at several learning rates and judges the best.

ORDER is the path of a JSON document, a `Contest`. The rate is chosen by the loss on rows set apart from the training
side; the held-out rows are scored once, with the base and with each method's choice. Prints JSON; progress goes to
stderr.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from transformers import PreTrainedModel, set_seed

from storage.data import row_files, selection
from storage.gallery import suites
from storage.gallery.suites import Suite
from storage.rendering.renderer import Renderer
from storage.runs.bootstrap import Pair
from templates import registry
from templates.errors import StudioError
from templates.recipe import Recipe
from templates.spec import BaseFacts
from workers import methods, models
from workers.evaluation import forgetting, held_out, scoring, suite, verdict
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.scoring import Scores
from workers.evaluation.suite import SuiteScores
from workers.training import batches
from workers.training.ahead import TrainingAhead
from workers.training.setups import TrainingData, TrainingSetup

log = logging.getLogger("studio.bench")


class Contest(BaseModel):
    """What all methods are given."""

    base_folder: str
    facts: BaseFacts
    dataset_file: str
    shape: str
    split_seed: int
    recipes: list[Recipe]
    """One for each method, with its advised learning rate."""
    factors: list[float]
    """The learning rates to choose from, as multiples of the advised one."""
    n_rows: int
    """Training rows, the first of the part to learn from."""
    eval_rows: int
    suite: str
    items: int
    """Items of the suite for each ability."""
    threads: int


@dataclass(frozen=True)
class _Trained:
    """A method's best model, and the way to it."""

    model: PreTrainedModel
    rate: float
    losses: dict[str, float | None]
    """On the rows set apart, by learning rate; None where the training diverged."""
    seconds: float
    """Of the training that was chosen."""
    n_trained: int


@dataclass(frozen=True)
class _Ground:
    """The rows, and what the base makes of them."""

    contest: Contest
    renderer: Renderer
    train: list[dict[str, Any]]
    apart: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    side: HeldOutSide
    asked: Suite

    @classmethod
    def of(cls, contest: Contest) -> _Ground:
        """Reads the rows."""
        file, shape = Path(contest.dataset_file), registry.shape(contest.shape)
        divided = selection.divided(file, shape, contest.split_seed)
        rows = row_files.read(file, held_out=True)
        train = divided.training[: contest.n_rows]
        return cls(
            contest=contest,
            renderer=Renderer(Path(contest.base_folder)).instructed(contest.recipes[0].instruction),
            train=train,
            apart=divided.selection,
            rows=rows,
            side=held_out.of(contest.shape, train + divided.selection, rows, row_files.documents(file)),
            asked=suites.get(contest.suite).sample(contest.items, suites.SEED),
        )

    def scores(self, model: PreTrainedModel, recipe: Recipe) -> tuple[Scores, SuiteScores]:
        """A model on the held-out rows and on general abilities."""
        learned = registry.objective(recipe.objective)
        n_virtual = registry.method(recipe.method).virtual_tokens(recipe.adaptation())
        context = self.contest.facts.context_length - n_virtual
        on_rows = scoring.score(
            model,
            self.renderer,
            self.contest.shape,
            self.rows,
            max_length=recipe.training().max_length,
            context_length=context,
            trains_prompt=learned.trains_prompt,
            views=learned.views,
            eval_rows=self.contest.eval_rows,
        )
        return on_rows, suite.score(model, self.renderer.instructed(""), self.asked, context_length=context)


def run(contest: Contest) -> list[dict[str, Any]]:
    """Every method's outcome, in the order of the recipes."""
    torch.set_num_threads(contest.threads)
    ground = _Ground.of(contest)
    base = ground.scores(models.load_base(contest.base_folder), contest.recipes[0])
    found = []
    for recipe in contest.recipes:
        began = time.perf_counter()
        try:
            outcome = _judged(ground, recipe, base)
        except (StudioError, ValueError, RuntimeError) as error:  # PEFT's and torch's own, too: the others go on
            log.exception("%s failed", recipe.method)
            outcome = {"failed": str(error)}
        found.append({"method": recipe.method, **outcome})
        print(f"{recipe.method}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        gc.collect()
    return found


def _judged(ground: _Ground, recipe: Recipe, base: tuple[Scores, SuiteScores]) -> dict[str, Any]:
    best = _best(ground, recipe)
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as start:
        published = models.as_published(
            best.model, recipe, ground.contest.base_folder, ground.contest.facts.stored_dtype, Path(start)
        )
        on_rows, on_suite = ground.scores(published, recipe)
    judged = verdict.judge(base[0], on_rows, ground.contest.shape, ground.side)
    forgotten = forgetting.judge(base[1], on_suite)
    return {
        "learning_rate": best.rate,
        "selection_loss": best.losses,
        "seconds": best.seconds,
        "n_trained": best.n_trained,
        "headline": judged.headline,
        "score": _of(judged.metrics[judged.headline]),
        "loss": _of(judged.metrics["loss"]),
        "general": _of(forgotten.mean),
        "n_rows": len(ground.rows),
        "n_items": forgotten.n,
    }


def _of(pair: Pair) -> dict[str, Any]:
    return pair.model_dump(mode="json")


def _best(ground: _Ground, recipe: Recipe) -> _Trained:
    """The model with the lowest loss on the rows set apart."""
    advised, losses = recipe.training().learning_rate, dict[str, float | None]()
    best: tuple[float, _Trained] | None = None
    for factor in ground.contest.factors:
        rate = float(f"{advised * factor:.2g}")
        own = recipe.model_copy(update={"objective_params": {**recipe.objective_params, "learning_rate": rate}})
        model, seconds, setup = _trained(ground, own)
        losses[f"{rate:g}"] = loss = _loss(setup, model)
        if loss is not None and (best is None or loss < best[0]):
            n_trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
            best = loss, _Trained(model, rate, losses, seconds, n_trained)
    if best is None:
        raise StudioError(f"{recipe.method} diverged at every learning rate: {', '.join(losses)}.", code="diverged")
    return best[1]


def _loss(setup: TrainingSetup, model: PreTrainedModel) -> float | None:
    if setup.selection_loss is None:
        raise StudioError(
            "The dataset has too few training rows to set some apart.",
            code="nothing_to_choose_on",
            remedy="Use a dataset with more training rows.",
        )
    try:
        return setup.selection_loss(model, lambda: False)
    except StudioError as error:
        if error.code != "not_a_number":
            raise
        return None


def _trained(ground: _Ground, recipe: Recipe) -> tuple[PreTrainedModel, float, TrainingSetup]:
    """A model trained by this recipe, as a job would, without checkpoints and charts; and the seconds it took."""
    contest, params = ground.contest, recipe.training()
    set_seed(params.seed)
    data = TrainingData(
        recipe.objective, params, contest.shape, ground.train, [], ground.renderer, selection=ground.apart
    )
    setup: TrainingSetup = importlib.import_module(f"workers.objectives.{recipe.objective}").set_up(data)
    base = models.load_to_train(contest.base_folder, recipe)
    model = models.adapt(base, recipe, TrainingAhead(setup.n_updates, lambda: _examples(ground, recipe)))
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        trainer = setup.trainer(model, Path(folder))
        for callback in methods.callbacks(recipe.method, model):
            trainer.add_callback(callback)
        began = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - began
    methods.finish(recipe.method, model)
    return model, seconds, setup


def _examples(ground: _Ground, recipe: Recipe) -> list[batches.Example]:
    length = recipe.training().max_length
    rows = ground.train
    return batches.render(ground.renderer, ground.contest.shape, rows, max_length=length, trains_prompt=False).kept


if __name__ == "__main__":
    print(json.dumps(run(Contest.model_validate_json(Path(sys.argv[1]).read_bytes()))))
