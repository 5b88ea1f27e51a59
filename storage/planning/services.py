"""A model behind an address, as jobs ask it: checked before anything is queued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from storage import endpoints
from templates.errors import BadInput, Problem
from templates.recipe import problems_of
from templates.service import ServiceParams

LONGEST_NAME = 200


def wanted(endpoint: str, model: str | None, asks: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The service's `url`, `model` and `params`, and what is wrong with the request for it; `asks` are its settings.

    Raises `NotAllowed` for an address that may not be asked.
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
    return {"url": found.url, "model": named, "params": params.model_dump(mode="json")}, problems
