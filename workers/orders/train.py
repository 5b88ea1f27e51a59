"""The order for a training: its base, rows and recipe."""

from __future__ import annotations

from storage.bases import base_models, measurements
from storage.data import openings
from storage.gallery import suites
from storage.models import BaseModelRow
from storage.settings import settings
from templates.recipe import Recipe
from templates.roles import Role
from templates.spec import BaseFacts
from workers.materials import model_ref, rows_of
from workers.orders import Claimed, from_another_version
from workers.protocol import ModelRef, Order


class TrainingOrder(Order):
    """An order to adapt `base` to the rows of a dataset."""

    base: ModelRef
    base_name: str
    base_source: str
    """`bundled`, `folder` or `hub`."""
    base_origin: str = ""
    base_license: str = ""
    facts: BaseFacts
    recipe: Recipe
    shape: str
    dataset_file: str
    """Parquet with the shape's fields and a boolean column `held_out`."""
    dataset_name: str
    dataset_sha256: str
    split_seed: int | None = None
    """The seed of the held-out rows, for the model card."""
    held_out_openings: int = 0
    """How often the dataset's held-out side had been opened for a verdict before this job started."""
    eval_rows: int
    forgetting_items: int = 0
    """Items of each general ability for base and result; 0 skips the measurement of forgetting."""
    forgetting_suite: str = "general"
    """The suite that they are from."""
    own_prompts: int = 0
    """Prompts that the base writes itself, to see which answers the result changed; 0: none."""
    measurements: str = ""
    """The folder where measurements of this base are kept; empty: nothing is kept."""


ORDER = TrainingOrder


def order(claimed: Claimed) -> TrainingOrder:
    """The order for a claimed job."""
    base = claimed.model(Role.BASE)
    if not isinstance(base, BaseModelRow):
        raise from_another_version(claimed.job.kind)
    recipe = Recipe.model_validate(claimed.job.spec.get("recipe"))
    recipe.training(), recipe.adaptation()
    data = claimed.dataset(Role.TRAINING)
    return TrainingOrder(
        **claimed.common,
        **rows_of(data),
        held_out_openings=openings.of(data),
        base=model_ref(base),
        base_name=base.name,
        base_source=base.source,
        base_origin=base.origin,
        base_license=base.license,
        facts=base_models.facts(base),
        recipe=recipe,
        eval_rows=settings().eval_rows,
        forgetting_items=suites.forgetting_items(recipe.method),
        forgetting_suite=suites.of_base(base.source),
        own_prompts=settings().own_prompts,
        measurements=str(measurements.folder(base.revision)),
    )
