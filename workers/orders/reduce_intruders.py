"""The order for an intruder reduction: a training's order on the result's base, without a training."""

from __future__ import annotations

from typing import Any

from storage.bases import base_models, measurements
from storage.data import openings
from storage.gallery import artifacts, chains, suites
from storage.models import Artifact, Dataset
from storage.settings import settings
from templates.jobs.reduce_intruders import ReduceIntrudersParams
from templates.recipe import Recipe
from templates.roles import Role
from workers.materials import model_ref, rows_of
from workers.orders import Claimed, from_another_version
from workers.orders.train import Continued, FurtherData, TrainingOrder


class ReductionOrder(TrainingOrder):
    """An order to reduce the intruder dimensions of `continued.parent`; `recipe` is the one that it was trained by."""

    params: ReduceIntrudersParams

    @property
    def repairs(self) -> bool:
        """It is to bring back what the result forgot."""
        return True


ORDER = ReductionOrder


def order(claimed: Claimed) -> ReductionOrder:
    """The order for a claimed job."""
    parent = claimed.model(Role.BASE)
    if not isinstance(parent, Artifact):
        raise from_another_version(claimed.job.kind)
    root, facts, params = artifacts.base_of(parent), artifacts.model_facts(parent), claimed.job.spec.get("params")
    recipe = Recipe.model_validate(facts.recipe)
    recipe.training(), recipe.adaptation()
    own, first = model_ref(parent), claimed.dataset(Role.HELD_OUT)
    return ReductionOrder(
        **claimed.common,
        **rows_of(first),
        held_out_openings=openings.of(first),
        further=_further(claimed),
        params=ReduceIntrudersParams.model_validate(params),
        base=own.model_copy(update={"adapter_folder": None, "weights_sha256": None}),
        continued=Continued(
            way="reduced",
            why=claimed.job.spec["continued_because"],
            parent=own,
            root=model_ref(root),
            steps=chains.of(parent).steps,
        ),
        own_base=facts.own_base,
        base_name=root.name,
        base_source=root.source,
        base_origin=root.origin,
        base_license=root.license,
        facts=base_models.facts(root),
        recipe=recipe.model_copy(update={"instruction": claimed.job.spec["instruction"]}),
        eval_rows=settings().eval_rows,
        forgetting_items=suites.forgetting_items(recipe.method),
        forgetting_suite=suites.of_base(root.source),
        own_prompts=settings().own_prompts,
        measurements=str(measurements.folder(root.revision)),
    )


def _further(claimed: Claimed) -> tuple[FurtherData, ...]:
    """The datasets after the first that the result is judged on, each with its instruction."""
    texts: list[Any] = claimed.job.spec["instructions"]
    others = [one for one in claimed.inputs.all(Role.HELD_OUT)[1:] if isinstance(one, Dataset)]
    return tuple(
        FurtherData(**rows_of(one), instruction=text, held_out_openings=openings.of(one))
        for one, text in zip(others, texts, strict=True)
    )
