"""Scores models on the same held-out rows or the same suite, and compares them with the first."""

from collections.abc import Mapping
from typing import Any

from templates.job_kind import JobKind


def _way(spec: Mapping[str, Any]) -> str:
    return f"evaluation on the {spec['suite']} suite" if "suite" in spec else "evaluation"


SPEC = JobKind(
    title="evaluation",
    summary="Scores models on the same rows.",
    way=_way,
    stages=("preparing", "evaluating"),
    result="scores",
    waiting={
        "preparing": "loading the base model and the data; usually a few seconds",
        "evaluating": "loading the first model",
        "publishing": "storing the result",
    },
)
