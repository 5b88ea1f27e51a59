"""Tables of blind comparisons: questions put to two models, votes on their answers, and the datasets made of votes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from storage.models.columns import json, new_id


class Vote(SQLModel, table=True):
    """One question that two models answered without their names being shown, and its owner's vote on the answers."""

    id: str = Field(default_factory=new_id, primary_key=True)
    owner_id: str = Field(foreign_key="user.id", index=True)
    """Who asked and voted."""
    messages: list[dict[str, Any]] = Field(sa_column=json())
    """The turns that both models answered, an instruction among them."""
    left: dict[str, Any] = Field(sa_column=json())
    """The answer that stood on the left (`storage.votes.answers.Answer`); sides are drawn for each question."""
    right: dict[str, Any] = Field(sa_column=json())
    left_model: str
    """Key of the model that stood on the left (`storage.votes.contenders.Contender.key`)."""
    right_model: str
    sampling: dict[str, Any] = Field(sa_column=json())
    """The same for both: `seed`, `temperature`, `max_new_tokens`."""
    source: str
    """Where the prompt came from: `typed`, or the side of a dataset."""
    dataset_id: str | None = Field(default=None, foreign_key="dataset.id", index=True)
    """The dataset that the prompt came from; None for a typed one."""
    choice: str | None = None
    """Key of `storage.votes.answers.CHOICES`; None until there is a vote, and after it was taken back."""
    note: str = ""
    created_at: float
    voted_at: float | None = None

    __table_args__ = (Index("ix_vote_owner_id_created_at", "owner_id", "created_at", "id"),)


class DatasetVote(SQLModel, table=True):
    """A vote that a row of a dataset was made of."""

    __tablename__ = "dataset_vote"

    dataset_id: str = Field(foreign_key="dataset.id", primary_key=True)
    vote_id: str = Field(foreign_key="vote.id", primary_key=True, index=True)
