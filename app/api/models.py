"""Base models."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter

from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from storage import users
from storage.bases import base_models
from templates.errors import BadInput, Problem

router = APIRouter(prefix="/api/v1", tags=["models"])
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class NewModel(Body):
    """A base model to be added."""

    name: str
    source: str
    """A hub id; on a studio without accounts also a folder of this machine."""
    chat_template: str | None = None
    license: str | None = None


@router.get("/models")
def list_all(user: Acting) -> list[dict[str, Any]]:
    """The base models, bundled ones first."""
    return [documents.of(row) for row in base_models.of_user(user)]


@router.get("/models/{model}")
def show(user: Acting, model: str) -> dict[str, Any]:
    """One base model, by name or id."""
    return documents.of(base_models.get(user, model))


@router.post("/models", status_code=201)
def add(user: Acting, body: NewModel) -> dict[str, Any]:
    """Add a base model: everything about it is checked, then it is copied into the file store."""
    if users.any_accounts() and not HUB_ID.fullmatch(body.source):
        raise BadInput(
            Problem(
                "must be a hub id like “organisation/model”: folders of this machine are not open to every account.",
                field="source",
                remedy="Whoever runs the studio can add a folder with `studio models add`.",
            )
        )
    return documents.of(
        base_models.add(user, body.name, body.source, chat_template=body.chat_template, license=body.license)
    )
