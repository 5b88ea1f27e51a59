"""The two answers to a question, and what a vote can say about them."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from storage.models import Vote
from storage.votes.contenders import Contender

Choice = Literal["left", "right", "tie", "both_bad"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
TYPED = "typed"
"""The source of a prompt that somebody wrote for the comparison; others are the sides of datasets."""
HELD_OUT = "held_out"
SOURCES = (TYPED, "training", "selection", HELD_OUT)
Preferred = Literal["a", "b", "tie", "both_bad"]


class Answer(BaseModel):
    """What one model answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Contender
    text: str
    reasoning: str = ""
    finish_reason: str = ""
    """`stop`: the model ended it. `length`: it was cut at the longest answer."""

    @property
    def is_cut(self) -> bool:
        """Whether it ends where it ran out of tokens."""
        return self.finish_reason == "length"


def shown(vote: Vote) -> tuple[Answer, Answer]:
    """The answers in the order in which they were shown: left, right."""
    return Answer.model_validate(vote.left), Answer.model_validate(vote.right)


def winner_and_loser(vote: Vote) -> tuple[Answer, Answer] | None:
    """The preferred answer and the other one; None for a tie, for two bad answers and without a vote."""
    left, right = shown(vote)
    if vote.choice == "left":
        return left, right
    return (right, left) if vote.choice == "right" else None


def credit(vote: Vote) -> float:
    """The left answer's credit: 1 for a win, ½ for a tie or two bad answers, 0 for a loss."""
    return {"left": 1.0, "right": 0.0}.get(str(vote.choice), 0.5)
