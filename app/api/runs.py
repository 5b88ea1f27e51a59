"""Trainings compared."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from app.api import run_documents
from app.api.catalogue import Acting
from storage.runs import comparison

router = APIRouter(prefix="/api/v1", tags=["jobs"])


@router.get("/runs")
def compare(user: Acting, ids: Annotated[str, Query(description="Two to six job ids, separated by commas.")]) -> Any:
    """Compare trainings with the first one: the settings that differ, the verdicts, and paired differences."""
    return run_documents.of_comparison(comparison.compare(user, wanted(ids)))


def wanted(ids: str) -> list[str]:
    """The ids of a list separated by commas."""
    return [part.strip() for part in ids.split(",") if part.strip()]
