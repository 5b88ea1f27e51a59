"""Blind comparisons: questions to two models, votes, their tally, and preference data made of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import Field

from app import blind, turns
from app.api import vote_documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.paged import Entries, Things
from app.api.runs import wanted
from storage.votes import preference_data, questions, tallies, votes
from storage.votes.answers import Choice

router = APIRouter(prefix="/api/v1/votes", tags=["votes"])
Models = Annotated[str, Query(max_length=1000, description="Models, separated by commas; by default all of them.")]


class Question(Body):
    """What two models are asked: a prompt, or the next one of a dataset's side."""

    models: list[str] = Field(max_length=20)
    """Two to six; two are drawn for each question."""
    prompt: str = ""
    data: str = ""
    source: str = "typed"
    """`typed`, `training`, `selection` or `held_out`."""
    instruction: str = ""
    seed: int = Field(42, ge=0, lt=2**32)
    temperature: float = Field(0.0, ge=0, le=2)
    max_new_tokens: int = Field(128, ge=1, le=4096)


class Ballot(Body):
    """A vote on a question."""

    choice: Choice
    note: str = ""


class NewDataset(Body):
    """Preference data to be made of votes."""

    name: str = ""
    models: list[str] = Field(default_factory=list, max_length=20)
    """Only votes between these models; by default all of them."""


@router.get("", response_model=Entries)
def listed(user: Acting, things: Things) -> Response:
    """Your votes, by the time of their questions, newest first."""
    page = votes.page(user, things.place)
    return things.answer(page, [vote_documents.of_vote(vote) for vote in page.rows])


@router.get("/tally")
def tally(user: Acting, models: Models = "", source: Annotated[str, Query(max_length=40)] = "") -> Any:
    """Who is preferred, pair by pair; all models on one scale if there are more than two; the check of the sides."""
    found = tallies.of(user, models=wanted(models), source=source)
    return vote_documents.of_tally(found, questions.n_without_vote(user))


@router.post("/questions", status_code=201)
async def ask(user: Acting, body: Question) -> Any:
    """Let two of the models answer. The answers come without names, left and right drawn at random."""
    asked = body.model_dump()
    async with turns.CHATS.turn(user.id, lambda: True):
        made = await blind.ask(user, blind.Round(**asked))
    return vote_documents.of_question(made.vote)


@router.post("/datasets", status_code=201)
def make(user: Acting, body: NewDataset) -> Any:
    """Make preference data of your votes. Ties, “both bad” and contradictions are counted and left out."""
    settled = preference_data.preview(user, body.models)
    made = preference_data.make(user, name=body.name, models=body.models)
    return vote_documents.of_made(made, settled)


@router.post("/{vote_id}")
def cast(user: Acting, vote_id: str, body: Ballot) -> Any:
    """Vote on a question; the answer names the models. A second vote on it changes nothing."""
    vote, is_new = votes.cast(user, vote_id, body.choice, body.note)
    return {**vote_documents.of_vote(vote), "is_new": is_new}


@router.delete("/{vote_id}", status_code=204)
def take_back(user: Acting, vote_id: str) -> None:
    """Take a vote back."""
    votes.take_back(user, vote_id)
