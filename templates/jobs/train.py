"""Adapts a base model to a dataset, judges the result beside its base and publishes it."""

from collections.abc import Mapping
from typing import Any

from templates import registry
from templates.job_kind import JobKind


def _way(spec: Mapping[str, Any]) -> str:
    recipe = spec.get("recipe") or {}
    method, precision = str(recipe.get("method", "training")), recipe.get("quantization", "none")
    return method if precision == "none" else f"{method} on {precision}"


def _between(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The stages that the job's objective adds for rows of this shape, which jobs of older versions don't name."""
    objective = registry.objectives().get((spec.get("recipe") or {}).get("objective", ""))
    if objective is None:
        return ()
    shapes = registry.shapes()
    return objective.stages_on(shapes.get(spec.get("shape", "")) or shapes[objective.row_shapes[0]])


SPEC = JobKind(
    title="training",
    summary="Adapts a base model to a dataset.",
    way=_way,
    stages=("preparing", "training", "evaluating", "publishing"),
    between=_between,
    result="verdict",
    publishes="artifact",
    trains=True,
    waiting={
        "preparing": "loading the base model and the data; usually a few seconds",
        "evaluating": "base and result are answering the held-out rows; this can take as long as training",
        "publishing": "storing the result",
    },
)
