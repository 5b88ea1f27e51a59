"""The order to score an adapter at several strengths: the model, and the rows of its training."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from storage.bases import base_models, measurements
from storage.gallery import artifacts, suites
from storage.models import Artifact, Dataset
from storage.settings import settings
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import BaseFacts
from workers.materials import model_ref, rows_of
from workers.orders import Claimed, from_another_version
from workers.protocol import ModelRef, Order


class TaughtRows(BaseModel):
    """A dataset of the training, by its stored rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: str
    dataset_file: str
    dataset_name: str
    dataset_sha256: str
    split_seed: int | None = None
    instruction: str = ""
    """The system text of its rows without their own."""


class StrengthOrder(Order):
    """An order to score one adapter at several strengths."""

    model: ModelRef
    facts: BaseFacts
    """Of the base model at its root."""
    recipe: Recipe
    """Of the training that made the adapter."""
    strengths: tuple[float, ...]
    task: tuple[TaughtRows, ...]
    """Scored on their selection sides."""
    replayed: tuple[TaughtRows, ...] = ()
    learned: bool
    """The training learned the selection rows too."""
    eval_rows: int
    n_items: int
    """Items of each general ability."""
    suite: str
    own_prompts: int
    measurements: str
    """The folder where measurements of this base are kept; empty: nothing is kept."""


ORDER = StrengthOrder


def order(claimed: Claimed) -> StrengthOrder:
    """The order for a claimed job."""
    model, spec = claimed.model(Role.MODEL), claimed.job.spec
    if not isinstance(model, Artifact):
        raise from_another_version(claimed.job.kind)
    facts, root = artifacts.model_facts(model), artifacts.base_of(model)
    recipe = Recipe.model_validate(facts.recipe)
    task = [one for one in claimed.inputs.all(Role.PROMPTS) if isinstance(one, Dataset)]
    replayed = [one for one in claimed.inputs.all(Role.REPLAY) if isinstance(one, Dataset)]
    return StrengthOrder(
        **claimed.common,
        model=model_ref(model),
        facts=base_models.facts(root),
        recipe=recipe,
        strengths=spec.get("strengths", ()),
        task=tuple(
            TaughtRows(**rows_of(one), instruction=text)
            for one, text in zip(task, spec.get("instructions", ()), strict=True)
        ),
        replayed=tuple(TaughtRows(**rows_of(one)) for one in replayed),
        learned=bool(spec.get("learned")),
        eval_rows=settings().eval_rows,
        n_items=suites.forgetting_items(recipe.method),
        suite=suites.of_base(root.source),
        own_prompts=settings().own_prompts,
        # what an adapter carries as its base is the base of that adapter alone
        measurements="" if facts.own_base else str(measurements.folder(root.revision)),
    )
