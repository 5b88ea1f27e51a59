"""Base models."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app import turns
from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.paged import Entries, Things
from storage import listing, users
from storage.bases import base_models, deletions
from templates.errors import BadInput, Problem

router = APIRouter(prefix="/api/v1", tags=["models"])
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class NewModel(Body):
    """The base model to add."""

    name: str
    source: str
    """A hub id; without accounts, also a folder on this machine."""
    shared: bool = False
    """Add it for everybody; administrators only."""
    chat_template: str | None = None
    license: str | None = None


@router.get("/models", response_model=Entries)
def list_all(user: Acting, paging: Things) -> JSONResponse:
    """The base models, the bundled ones first, then the shared ones, 100 at a time.

    `after` is the id of the last one that you have.
    """
    page = listing.after_id(base_models.of_user(user), paging.place)
    return paging.answer(page, [documents.of_base_model(row) for row in page.rows])


@router.get("/models/{model}")
def show(user: Acting, model: str) -> dict[str, Any]:
    """One base model, by name or id."""
    return documents.of_base_model(base_models.get(user, model))


@router.post("/models", status_code=201, dependencies=turns.ADDS_A_MODEL)
def add(user: Acting, body: NewModel) -> dict[str, Any]:
    """Add a base model: it is checked, then copied to the file store."""
    if users.any_accounts() and not HUB_ID.fullmatch(body.source):
        raise BadInput(
            Problem(
                "must be a hub id like “organisation/model”: accounts can't add folders on this machine.",
                field="source",
                remedy="On the studio's machine, `studio models add --shared` adds a folder for everybody.",
            )
        )
    row = base_models.add(
        user,
        body.name,
        body.source,
        chat_template=body.chat_template,
        license=body.license,
        shared=body.shared,
    )
    return documents.of_base_model(row)


@router.delete("/models/{model}")
def delete(user: Acting, model: str) -> dict[str, Any]:
    """Delete a base model: your own, or as an administrator a shared one. Results on it still work."""
    return {"deleted": model, "results": deletions.delete(user, model)}
