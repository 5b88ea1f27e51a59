"""The gallery."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from storage.gallery import artifacts

router = APIRouter(prefix="/api/v1", tags=["artifacts"])


class Change(Body):
    """The changes; omitted fields keep their values."""

    name: str | None = None
    note: str | None = None


@router.get("/artifacts")
def list_all(user: Acting) -> list[dict[str, Any]]:
    """Your artifacts, newest first."""
    return documents.of_artifacts(artifacts.of_user(user))


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


@router.get("/artifacts/{artifact}/download")
def download(user: Acting, artifact: str) -> StreamingResponse:
    """The artifact as a zip in the Hugging Face layout."""
    chunks, filename = artifacts.zip_stream(user, artifact)
    plain = filename.encode("ascii", "replace").decode().replace('"', "_")
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename)}"
    return StreamingResponse(chunks, media_type="application/zip", headers={"Content-Disposition": disposition})
