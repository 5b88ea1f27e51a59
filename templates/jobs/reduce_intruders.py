"""Weakens the directions of a LoRA result that are unlike its base's, without training.

**What it does.** LoRA adds directions to a weight matrix that the base doesn't have: singular vectors unlike any of its
own, and with a large effect (*intruder dimensions*). Models with many of them tend to forget more. This
job finds them in every layer, subtracts a part of each, and publishes the adapter that is left, of the same rank, as a
new result. The verdict says what came back in general abilities and what it cost the task.

**When to use it.** A LoRA result has forgotten too much, and you want to try the cheapest remedy first. **When not:**
much was lost. Then try *repair*; for the next training, replay prevents most of it.

**Cost.** Three singular value decompositions of each adapted matrix: seconds for a small model, and an hour or more for
one of 7 billion parameters on a CPU.

**Source.** Shuttleworth et al. 2024, “LoRA vs Full Fine-tuning: An Illusion of Equivalence”, arXiv 2410.21228; PEFT's
`reduce_intruder_dimension`.
"""

from collections.abc import Mapping
from typing import Any

from templates.job_kind import JobKind
from templates.spec import Params, setting


class ReduceIntrudersParams(Params):
    """The names are those of PEFT's `reduce_intruder_dimension`."""

    top_k: int = setting(10, "Directions to look at", shown=True, ge=1, le=1024)
    """In each matrix, this many of the strongest directions are compared with those of the base."""
    threshold_epsilon: float = setting(0.5, "Least similarity to the base", shown=True, gt=0, le=1)
    """A direction is an intruder if its cosine similarity to every direction of the base is below this. Higher values
    find more intruders."""
    mitigation_lambda: float = setting(0.75, "Share of each intruder to keep", shown=True, ge=0, lt=1)
    """The share of each intruder that stays. Lower values bring back more, and cost the task more."""


def _way(spec: Mapping[str, Any]) -> str:
    kept = (spec.get("params") or {}).get("mitigation_lambda", 1.0)
    return f"intruder dimensions at {100 * kept:.0f} %"


SPEC = JobKind(
    title="intruder reduction",
    summary="Weakens directions of a LoRA result that are unlike its base's, so that it forgets less; trains nothing.",
    way=_way,
    stages=("preparing", "reducing", "evaluating", "publishing"),
    result="verdict",
    publishes="artifact",
    counts="layer",
    params=ReduceIntrudersParams,
    waiting={
        "preparing": "loading the base model and the adapter; usually a few seconds",
        "evaluating": "both results and the base are answering the held-out rows",
        "publishing": "storing the result",
    },
)
