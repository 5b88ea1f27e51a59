"""A model answers prompts, and prompts and answers become a dataset.

**What it does.** Each row's prompt is put to the model as chat would put it; with the same settings and the same
seed the same answers come out. A prompt that is held out stays held out with its answer.
**When to use it.** To look at many answers at once, and as rows for later work.
**When not.** The answers are the model's own: what it does not know, it makes up.
"""

from collections.abc import Mapping
from typing import Any

from templates.job_kind import JobKind
from templates.spec import Params, setting


class GenerateParams(Params):
    """How answers are decoded, under the names of transformers."""

    max_new_tokens: int = setting(256, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """An answer that does not end by then is cut off; how many were is counted."""
    temperature: float = setting(0.0, "Temperature", shown=True, ge=0, le=10)
    """0: always the likeliest token. Higher: answers vary more."""
    top_p: float = setting(1.0, "Top-p", gt=0, le=1)
    """Draw from the likeliest tokens that together have this probability; without effect at temperature 0."""
    seed: int = setting(42, "Seed", shown=True, ge=0, le=2**32 - 1)
    """Same seed, same prompts and same machine: same answers; without effect at temperature 0."""


def _way(spec: Mapping[str, Any]) -> str:
    params = spec.get("params") or {}
    temperature = params.get("temperature", 0)
    how = f"at temperature {temperature:g}, seed {params.get('seed', 0)}" if temperature else "greedily"
    return f"answers {how}"


SPEC = JobKind(
    title="generation",
    summary="A model answers prompts; the rows become a dataset.",
    way=_way,
    stages=("preparing", "answering", "publishing"),
    result="answers",
    publishes="dataset",
    counts="prompt",
    waiting={
        "preparing": "loading the model and the prompts; usually a few seconds",
        "publishing": "storing the rows",
    },
)
