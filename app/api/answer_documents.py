"""The JSON of filters and of dropped answers."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.api import documents
from storage.data.answers import filtering
from storage.data.answers.answer_filter import filters
from storage.data.answers.dropped import DroppedPage


def of_filters() -> list[dict[str, Any]]:
    """Every filter with what it drops, its needs and its settings."""
    return [
        {
            "key": key,
            "title": one.title,
            "page": one.page,
            "needs_expected": one.needs_expected,
            "needs_several": one.needs_several,
            "parameters": documents.parameters(one.params),
        }
        for key, one in filters().items()
    ]


def of_dropped(found: DroppedPage, offset: int) -> dict[str, Any]:
    """A page of dropped answers, with the number of all by reason."""
    reasons = [{"filter": key, "outcome": filtering.outcome(key), "count": n} for key, n in found.by_filter.items()]
    return {
        "n_answers": found.n_answers,
        "offset": offset,
        "by_filter": reasons,
        "answers": [dataclasses.asdict(one) for one in found.answers],
    }
