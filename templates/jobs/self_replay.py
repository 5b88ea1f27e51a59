"""A model writes prompts and answers them, to be replayed in later trainings.

**What it does.** The model writes what a user could say to it, word by word at random, and answers each greedily. Rows
that are nearly the same, cut off, or like the items that show what a training forgot, are dropped. The others become a
dataset: look at them, then name it in a training (`studio train --replay NAME`, “Keep what it knew” on the page).

**When to use it.** Before a training that must not make the model forget. One dataset serves all trainings of a model.

**When not.** You have rows like those the model was trained on: replay them instead.

**Source.** Prompts as in Xu et al. 2024, “Magpie”, arXiv 2406.08464.
"""

from collections.abc import Mapping
from typing import Any

from templates.job_kind import JobKind
from templates.spec import Params, setting


class SelfReplayParams(Params):
    """How many rows, and how long; the names are those of transformers where it has one."""

    n_rows: int = setting(160, "Rows", shown=True, ge=20, le=10_000)
    """Prompts with answers to keep. Few that come up again and again keep less than many: half as many as the task has
    rows are better than a tenth. A model that repeats itself may write fewer."""
    max_new_tokens: int = setting(96, "Longest answer", shown=True, unit="tokens", ge=4, le=4096)
    """Longer answers are dropped; without a chat template, this is the length of a text."""
    prompt_tokens: int = setting(64, "Longest prompt", unit="tokens", ge=4, le=1024)
    """Longer prompts are dropped."""
    seed: int = setting(42, "Seed", ge=2, le=2**32 - 1)
    """The same seed, model and machine give the same rows. Seed 1 writes the prompts that verdicts use."""


def _way(spec: Mapping[str, Any]) -> str:
    return f"{(spec.get('params') or {}).get('n_rows', 0):,} rows of the model's own"


SPEC = JobKind(
    title="self-replay",
    summary="A model writes prompts and answers them; the rows become a dataset to replay.",
    way=_way,
    stages=("preparing", "answering", "publishing"),
    result="answers",
    publishes="dataset",
    counts="row",
    params=SelfReplayParams,
    waiting={
        "preparing": "loading the model; usually a few seconds",
        "publishing": "storing the rows",
    },
)
