"""A model behind an address, as jobs ask it: checked before anything is queued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from pydantic import ValidationError

from storage import credentials, endpoints
from storage.models import User
from templates.errors import BadInput, Problem
from templates.recipe import problems_of
from templates.service import ServiceParams

LONGEST_NAME = 200


def wanted(
    endpoint: str, model: str | None, asks: Mapping[str, Any], api_key: str | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    """The service's `url`, `model` and `params`, and what is wrong with the request for it; `asks` are its settings.

    A new `api_key` is checked and not yet kept (`keep_key`). Raises `NotAllowed` for an address that may not be asked.
    """
    problems = []
    named = (model or "").strip()
    if not named or len(named) > LONGEST_NAME or not named.isprintable():
        what = "is missing." if not named else "is not a model’s name."
        problems.append(Problem(what, field="endpoint_model", remedy="Give the name by which the service knows it."))
    try:
        found = endpoints.parse(endpoint)
        params = ServiceParams.model_validate(asks)
    except ValidationError as error:
        return {}, [*problems, *problems_of(error)]
    except BadInput as error:
        return {}, [*problems, *error.problems]
    endpoints.refuse_forbidden(found)
    problems += credentials.flaws(found.service, api_key) if _typed(api_key) else []
    return {"url": found.url, "model": named, "params": params.model_dump(mode="json")}, problems


def keep_key(user: User, service: Mapping[str, Any], api_key: str | None) -> None:
    """Store a new key for this service, as `wanted` gave it, for the jobs that ask it; none keeps the stored one."""
    if _typed(api_key):
        endpoints.keep_key(user, endpoints.parse(service["url"]), api_key)


def _typed(api_key: str | None) -> TypeGuard[str]:
    return bool((api_key or "").strip())
