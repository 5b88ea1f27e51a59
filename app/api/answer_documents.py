"""The JSON of filters, of checks that reward answers, of dropped answers, and of services that answer."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.api import declarations
from storage import endpoints, users
from storage.data.answers import filtering
from storage.data.answers.answer_filter import filters
from storage.data.answers.dropped import DroppedPage
from storage.models import User
from storage.settings import settings
from templates.verifier import verifiers, weight_of


def of_filters() -> list[dict[str, Any]]:
    """Every filter with what it drops, its needs and its settings."""
    return [
        {
            "key": key,
            "title": one.title,
            "page": one.page,
            "needs_expected": one.needs_expected,
            "needs_several": one.needs_several,
            "parameters": declarations.parameters(one.params),
        }
        for key, one in filters().items()
    ]


def of_verifiers() -> list[dict[str, Any]]:
    """Every check that can reward answers: what passes, and its settings."""
    return [
        {
            "key": key,
            "title": one.title,
            "page": one.page,
            "needs_reference": one.needs_reference,
            "weight": weight_of(key),
            "parameters": declarations.parameters(one.params),
        }
        for key, one in verifiers().items()
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


def of_endpoints(user: User) -> dict[str, Any]:
    """The allowed addresses (`any`: all are), and the origins for which the user has a key."""
    allowed = settings().endpoints
    is_any = not allowed and not users.any_accounts()
    return {"any": is_any, "allowed": allowed, "keys": endpoints.origins_with_key(user)}
