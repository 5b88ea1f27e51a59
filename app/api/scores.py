"""Scores of answers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app import answer_scores, turns
from app.api.bodies import Body
from app.api.catalogue import Acting

router = APIRouter(prefix="/api/v1", tags=["chat"])


class Asked(Body):
    """A prompt and answers to it."""

    model: str
    """A reward model, by name or id."""
    prompt: str
    answers: list[str] = Field(min_length=1, max_length=answer_scores.MAX_ANSWERS)


@router.post("/score", dependencies=turns.SCORES_ANSWERS)
def score(user: Acting, asked: Asked) -> dict[str, Any]:
    """Score answers with a reward model: scores have no unit, so each comes with its place among held-out answers."""
    return answer_scores.of(user, asked.model, asked.prompt, asked.answers).as_dict()
