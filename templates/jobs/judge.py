"""A judge compares the answers of two models, and your votes say how far to trust it.

**What it does.** Both models answer held-out prompts of a dataset. A model at an address that speaks OpenAI's protocol
says which answer is better, once in each order; a choice that the other order reverses counts as none. A reward model
of yours judges without a service: it scores each answer by itself, and the higher score wins. The judge also judges the
answers that you voted on in a blind comparison of the two. Where it differs from you corrects its win rate
(a prediction-powered interval). Without such votes the result is the judge's opinion, and called that.

**When to use it.** You have voted 30 to 50 times and would have to vote hundreds of times to see a difference. Choose a
judge of another family than the two models: judges favour answers like their own. A reward model should have learned
from other data than the two.

**When not.** A rule can tell which answer is right: then score the models on it.

**Source.** Zheng et al. 2023, arXiv 2306.05685 (both orders); Angelopoulos et al. 2023, arXiv 2301.09633 (votes).
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from templates.job_kind import JobKind
from templates.spec import Params, setting


class JudgeParams(Params):
    """How much is judged, and how long answers and judgements may be."""

    most_prompts: int = setting(100, "Held-out prompts to judge", shown=True, ge=10, le=10_000)
    """The first ones, in the dataset's order. Each takes two requests to a service."""
    max_new_tokens: int = setting(256, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """Longer answers are cut off here, for both models; the result says how many."""
    max_judgement_tokens: int = setting(1_024, "Longest judgement", unit="tokens", ge=8, le=32_768)
    """A service that gives its reasons, or thinks first, needs room before its verdict."""


FOR_A_SERVICE = ("max_judgement_tokens",)
"""Settings that mean nothing to a reward model."""


def _way(spec: Mapping[str, Any]) -> str:
    if rewarding := spec.get("reward_model"):
        return f"judged by the reward model {rewarding}"
    service = spec.get("endpoint")
    return f"judged by {service['model']} at {urlsplit(service['url']).hostname}" if service else "judged"


def _between(_spec: Mapping[str, Any]) -> tuple[str, ...]:
    return ("answering",)


SPEC = JobKind(
    title="judgement",
    summary="A judge compares the answers of two models; your votes say how far to trust it.",
    way=_way,
    stages=("preparing", "judging"),
    between=_between,
    result="judgement",
    counts="judgement",
    params=JudgeParams,
    waiting={
        "preparing": "reading prompts and votes; usually a few seconds",
        "answering": "loading the first model",
        "judging": "loading the reward model, or waiting for the judge's first reply",
    },
)
