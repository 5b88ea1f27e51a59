"""The gallery."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, StreamingResponse

from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.paged import Entries, Things
from storage.data.answers import learned
from storage.gallery import artifact_lists, artifacts, downloads
from storage.planning import strengths

router = APIRouter(prefix="/api/v1", tags=["artifacts"])


class Change(Body):
    """The changes; omitted fields keep their values."""

    name: str | None = None
    note: str | None = None


class Kept(Body):
    """The new dataset."""

    name: str


@router.get("/artifacts", response_model=Entries)
def list_all(user: Acting, paging: Things, name: Annotated[str, Query(max_length=200)] = "") -> JSONResponse:
    """Your artifacts, newest first, 100 at a time; with `name`, those whose names contain it.

    `after` is the id of the last artifact that you have; the header `Link` leads to the next page.
    """
    page = artifact_lists.page(user, paging.place, name=name)
    return paging.answer(page, documents.of_artifacts(page.rows))


@router.get("/artifacts/{artifact}")
def show(user: Acting, artifact: str) -> dict[str, Any]:
    """One artifact, by name or id."""
    return documents.of_artifact(artifacts.get(user, artifact))


@router.patch("/artifacts/{artifact}")
def change(user: Acting, artifact: str, body: Change) -> dict[str, Any]:
    """Rename an artifact or edit its note."""
    row = artifacts.get(user, artifact)
    if body.name is not None:
        artifacts.rename(user, row.id, body.name)
    if body.note is not None:
        artifacts.annotate(user, row.id, body.note)
    return documents.of_artifact(artifacts.get(user, row.id))


@router.delete("/artifacts/{artifact}")
def delete(user: Acting, artifact: str) -> dict[str, Any]:
    """Delete an artifact."""
    artifacts.delete(user, artifact)
    return {"deleted": artifact}


@router.post("/artifacts/{artifact}/answers", status_code=201)
def keep_answers(user: Acting, artifact: str, body: Kept) -> dict[str, Any]:
    """Make a dataset of the answers that this result learned from its teacher, the dropped ones beside it."""
    return documents.of_dataset(learned.keep(user, artifact, name=body.name))


@router.get("/artifacts/{artifact}/strength")
def strength(user: Acting, artifact: str) -> dict[str, Any]:
    """What less strength keeps: the newest measurement, or whether there can be one, and how long it would take.

    `POST /jobs/strength` measures it.
    """
    found = artifacts.get(user, artifact)
    why_not = strengths.why_not(user, found.id)
    job = strengths.of_artifact(user, found)
    return {
        "artifact": found.name,
        "possible": not why_not,
        "why_not": why_not or None,
        "estimate": None if why_not else strengths.plan(user, found.id).estimate,
        "job": documents.of_job(job) if job else None,
    }


@router.get("/artifacts/{artifact}/download")
def download(user: Acting, artifact: str, strength: Annotated[float | None, Query()] = None) -> StreamingResponse:
    """The artifact as a zip in the Hugging Face layout; with `strength`, a LoRA adapter has that part of its effect."""
    chunks, filename = downloads.zip_stream(user, artifact, strength)
    plain = filename.encode("ascii", "replace").decode().replace('"', "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
    return StreamingResponse(chunks, media_type="application/zip", headers={"Content-Disposition": disposition})
