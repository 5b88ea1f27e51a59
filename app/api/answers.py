"""Answers of teachers: the filters, what they dropped, and changes by hand."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from app import turns
from app.api import answer_documents, documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.data import MOST_ROWS
from storage.data import datasets
from storage.data.answers import dropped, revising
from storage.page_limits import MOST

router = APIRouter(prefix="/api/v1", tags=["data"])


class Revision(Body):
    """Changes to a teacher's answers; an answer goes by the number of its row."""

    put_back: list[int] = Field(default_factory=list, max_length=MOST)
    """Dropped answers that become rows."""
    remove: list[int] = Field(default_factory=list, max_length=MOST)
    """Rows to remove; they are kept among the dropped answers."""
    rewrite: dict[int, str] = Field(default_factory=dict, max_length=MOST)
    """New texts, by number, for rows and for answers that are put back."""
    name: str | None = None
    """The new version's name; by default the next number."""


@router.get("/answer-filters")
def list_filters(_user: Acting) -> list[dict[str, Any]]:
    """The filters of a generation, with their settings."""
    return answer_documents.of_filters()


@router.get("/verifiers")
def list_verifiers(_user: Acting) -> list[dict[str, Any]]:
    """The checks that can reward answers, with their settings; a training takes them in its `settings`."""
    return answer_documents.of_verifiers()


@router.get("/data/{dataset}/dropped", dependencies=turns.READS_ROWS)
def list_dropped(
    user: Acting,
    dataset: str,
    reason: Annotated[str, Query(alias="filter", max_length=80)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> dict[str, Any]:
    """Some of the answers that didn't become rows, each with its reason; with `filter`, those that it dropped."""
    found = dropped.page(datasets.get(user, dataset), offset, limit, reason=reason)
    return answer_documents.of_dropped(found, offset)


@router.get("/data/{dataset}/dropped/export")
def export_dropped(user: Acting, dataset: str) -> StreamingResponse:
    """All dropped answers as JSON lines."""
    row = datasets.get(user, dataset)
    disposition = f"attachment; filename*=UTF-8''{quote(f'{row.name}-dropped.jsonl')}"
    headers = {"Content-Disposition": disposition}
    return StreamingResponse(dropped.lines(row), media_type="application/x-ndjson", headers=headers)


@router.post("/data/{dataset}/answers", status_code=201, dependencies=turns.READS_ROWS)
def revise(user: Acting, dataset: str, body: Revision) -> dict[str, Any]:
    """Put dropped answers back, remove answers, or rewrite them, in a new version; this one doesn't change."""
    return documents.of_dataset(revising.revise(user, dataset, **body.model_dump()))
