"""Scores an adapter at less than its full strength, to see what that keeps.

**What it does.** What LoRA adds to the base's weights is multiplied by a strength between 0 (the base) and 1 (all that
was trained). The job scores strengths 0, ¼, ½, ¾ and 1 on the selection side of the training's data and on the general
abilities that the verdict measured. It trains nothing.

**When to use it.** A training forgot more than it should have. You can then chat with the adapter, or download it,
at the strength that you choose.

**When not.** You need all that it learned: a weaker adapter has learned less. Replaying other rows in a new training
may keep more.

**Source.** Wortsman et al. 2022, “Robust fine-tuning of zero-shot models”, arXiv 2109.01903.
"""

from collections.abc import Mapping
from typing import Any

from templates.job_kind import JobKind

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The strengths that are measured: the base, all that was trained, and three between them."""


def _way(spec: Mapping[str, Any]) -> str:
    scored = ", ".join(f"{strength:g}" for strength in spec.get("strengths") or STRENGTHS)
    return f"strengths {scored}"


SPEC = JobKind(
    title="strength",
    summary="Scores an adapter at less than its full strength: what it keeps, and what it still has learned.",
    way=_way,
    stages=("preparing", "evaluating"),
    result="strengths",
    counts="strength",
    waiting={
        "preparing": "reading the selection rows; usually a few seconds",
        "evaluating": "loading the model",
    },
)
