"""The answers of two models that a person voted on, as a judge gets them.

Only votes on typed and held-out prompts count: a model may have learned a dataset's training and selection prompts.
So may a reward model that judges, which would then agree more than elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage.models import Artifact, BaseModelRow, User
from storage.votes import pairs, votes
from storage.votes.answers import HELD_OUT, TYPED
from templates.at_strength import FULL

FAIR = (TYPED, HELD_OUT)
"""Sources of prompts that no model learned from."""


class Voted(BaseModel):
    """A vote, seen from the second model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    turns: list[dict[str, Any]]
    """What both models answered."""
    first: str
    second: str
    """The answers of the first and the second model."""
    score: float
    """1 if the second model's answer was preferred, 0 if the first one's, ½ for a tie and for two bad answers."""


def couples(user: User) -> list[tuple[tuple[str, str], int]]:
    """The couples of models at full strength, by name, with the user's fair votes between them, most votes first."""
    known = {one.key: one for one in votes.voted(user)}
    fair = (vote for vote in votes.of_user(user) if vote.source in FAIR)
    counted = Counter((min(pair), max(pair)) for pair in ((vote.left_model, vote.right_model) for vote in fair))
    return [
        ((known[one].name, known[other].name), n)
        for (one, other), n in counted.most_common()
        if known[one].strength == known[other].strength == FULL
    ]


def of(
    user: User, first: BaseModelRow | Artifact, second: BaseModelRow | Artifact, learned: Collection[str] = ()
) -> list[Voted]:
    """The user's votes between two models at full strength on fair prompts, the oldest first.

    None on prompts that the judge `learned`, as `pairs.question` writes them.
    """
    found = votes.of_pair(user, second.id, first.id)
    return [
        Voted(turns=[dict(turn) for turn in one.messages], first=one.b.text, second=one.a.text, score=one.credit)
        for one in found
        if one.vote.source in FAIR and pairs.question(one.messages) not in learned
    ]
