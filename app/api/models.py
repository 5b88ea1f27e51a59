"""Base models."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from app import turns
from app.api import documents, model_documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.jobs import Key
from app.api.paged import Entries, Things
from storage import credentials, dependents, listing, teacher_readings
from storage.bases import base_models, catalogue, deletions, hub, renames
from storage.planning import additions

router = APIRouter(prefix="/api/v1", tags=["models"])


class NewModel(Body):
    """The base model to add."""

    name: str
    source: str = ""
    """A name of the catalogue (by default `name`), a hub id with or without `@revision`, or the id of an uploaded GGUF
    file or zip of a model's folder; for administrators also a folder or a .gguf file on this machine."""
    shared: bool = False
    """Add it for everybody; administrators only."""
    chat_template: str | None = None
    license: str | None = None


class Renamed(Body):
    """The new name."""

    name: str


@router.get("/models", response_model=Entries)
def list_all(user: Acting, paging: Things) -> JSONResponse:
    """The base models, the bundled ones first, then the shared ones, 100 at a time.

    `fits` says for each kind of worker which ways of training fit, and what they need.

    `after` is the id of the last one that you have.
    """
    page = listing.after_id(base_models.of_user(user), paging.place)
    return paging.answer(page, model_documents.of_base_models(page.rows))


@router.get("/models/{model}")
def show(user: Acting, model: str) -> dict[str, Any]:
    """One base model, by name or id: which trainings fit on the workers (`fits`), and what depends on it."""
    row = base_models.get(user, model)
    (document,) = model_documents.of_base_models([row])
    return {**document, "dependents": model_documents.of_dependents(dependents.of(user, row))}


@router.patch("/models/{model}")
def rename(user: Acting, model: str, body: Renamed) -> dict[str, Any]:
    """Rename a base model: your own, or as an administrator a shared one."""
    return documents.of_base_model(renames.rename(user, model, body.name))


@router.post("/models", status_code=202, dependencies=turns.ADDS_A_MODEL)
def add(user: Acting, body: NewModel, idempotency_key: Key = None) -> dict[str, Any]:
    """Queue a job that adds a base model: it fetches the model, checks it and tries it."""
    job = additions.submit(
        user,
        body.name,
        body.source,
        chat_template=body.chat_template,
        license=body.license,
        shared=body.shared,
        idempotency_key=idempotency_key,
    )
    return documents.of_job(job)


@router.get("/catalogue")
def list_catalogue(_user: Acting) -> list[dict[str, Any]]:
    """The open models that can be added by name."""
    return [entry.as_dict() for entry in catalogue.entries()]


@router.get("/hub")
def search_hub(user: Acting, text: Annotated[str, Query(min_length=1, max_length=200)]) -> list[dict[str, Any]]:
    """Text-generation models on the hub whose names contain the text, the most used first."""
    return [asdict(found) for found in hub.search(user, text)]


class Token(Body):
    """Your token for the hub."""

    token: SecretStr


@router.get("/hub/token")
def has_token(user: Acting) -> dict[str, bool]:
    """Whether you have stored a token for the hub."""
    return {"stored": credentials.exists(user.id, credentials.HUB)}


@router.put("/hub/token")
def keep_token(user: Acting, body: Token) -> dict[str, bool]:
    """Store your token for the hub, encrypted; gated models need one."""
    credentials.keep(user.id, credentials.HUB, body.token.get_secret_value())
    return {"stored": True}


@router.delete("/hub/token")
def forget_token(user: Acting) -> dict[str, bool]:
    """Delete your token for the hub."""
    credentials.forget(user.id, credentials.HUB)
    return {"stored": False}


@router.get("/readings")
def list_readings(user: Acting) -> list[dict[str, Any]]:
    """What is kept of teachers for later distillations of the same rows, as far as your jobs have used it."""
    return [documents.of_reading(one) for one in teacher_readings.of_user(user)]


@router.delete("/readings/{key}")
def delete_reading(user: Acting, key: str) -> dict[str, str]:
    """Delete one; refused while a job that has not ended uses it. A later job lets the teacher read the rows again."""
    teacher_readings.delete(user, key)
    return {"deleted": key}


@router.delete("/models/{model}")
def delete(user: Acting, model: str) -> dict[str, Any]:
    """Delete a base model: your own, or as an administrator a shared one. Results on it still work.

    `dependents` names what was made from it.
    """
    depends = model_documents.of_dependents(dependents.of(user, base_models.get(user, model)))
    return {"deleted": model, "results": deletions.delete(user, model), "dependents": depends}
