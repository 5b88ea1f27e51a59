"""Methods, recipes and workers: what this studio offers."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from app import auth
from app.api import declarations, documents
from storage.jobs import worker_rows
from storage.models import User

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
Acting = Annotated[User, Depends(auth.acting)]


@router.get("/me")
def me(user: Acting) -> dict[str, Any]:
    """Who you are."""
    return {"name": user.name}


@router.get("/methods")
def methods() -> dict[str, Any]:
    """Every objective, method and row shape with parameters and capabilities."""
    return declarations.catalogue()


@router.get("/recipes")
def recipes() -> list[dict[str, Any]]:
    """The named recipes."""
    return declarations.recipes()


@router.get("/workers")
def workers(user: Acting) -> list[dict[str, Any]]:
    """The running workers; their hosts and process ids only for administrators."""
    return [documents.of_worker(user, row) for row in worker_rows.alive()]
