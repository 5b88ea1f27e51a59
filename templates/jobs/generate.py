"""A model answers prompts, and prompts and answers become a dataset.

**What it does.** The model gets each row's prompt just as chat sends it, once or several times. The same settings
and seed give the same answers. A held-out prompt stays held out together with its answers. Filters drop answers;
each dropped answer is kept with the reason and can be put back. The model may be one of the studio's, or a service
at an address that speaks OpenAI's protocol.

**When to use it.** To see many answers at once, or to make rows from prompts: a larger model teaches a smaller one.

**When not.** The answers are the model's own: it makes up what it does not know.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from templates.job_kind import JobKind
from templates.spec import Params, setting


class GenerateParams(Params):
    """How answers are decoded; the names are those of transformers."""

    max_new_tokens: int = setting(256, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """Longer answers are cut off here; the result says how many."""
    temperature: float = setting(0.0, "Temperature", shown=True, ge=0, le=10)
    """0 always picks the likeliest token. Higher values make answers vary more."""
    top_p: float = setting(1.0, "Top-p", gt=0, le=1)
    """Draw only from the likeliest tokens that together have this probability. No effect at temperature 0."""
    seed: int = setting(42, "Seed", shown=True, ge=0, le=2**32 - 1)
    """The same seed, prompts and machine give the same answers. No effect at temperature 0."""
    num_return_sequences: int = setting(1, "Answers per prompt", shown=True, ge=1, le=64)
    """Several answers to each prompt, of which filters keep some; needs a temperature above 0."""


def _way(spec: Mapping[str, Any]) -> str:
    params = spec.get("params") or {}
    temperature, n = params.get("temperature", 0), params.get("num_return_sequences", 1)
    how = f"at temperature {temperature:g}, seed {params.get('seed', 0)}" if temperature else "greedily"
    service = spec.get("endpoint")
    who = f"{service['model']} at {urlsplit(service['url']).hostname}: " if service else ""
    return f"{who}{f'{n} answers each' if n > 1 else 'answers'} {how}"


SPEC = JobKind(
    title="generation",
    summary="A model answers prompts; the rows become a dataset.",
    way=_way,
    stages=("preparing", "answering", "publishing"),
    result="answers",
    publishes="dataset",
    counts="answer",
    params=GenerateParams,
    waiting={
        "preparing": "loading the model and the prompts; usually a few seconds",
        "publishing": "filtering the answers and storing the rows",
    },
)
