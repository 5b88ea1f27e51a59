"""How a training goes on from a result instead of a base model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

ContinueFrom = Literal["advised", "same_adapter", "merged"]
"""What the user asks for."""
Way = Literal["same_adapter", "merged", "full_model", "reduced"]
"""What is done. `same_adapter`: the adapter's own weights are trained further, on the same base. `merged`: the
adapter is added into its base first, in full precision. `full_model`: the result is a base as it is. `reduced`:
nothing is trained; parts of the adapter are taken out."""

CHOICES: Mapping[ContinueFrom, str] = {
    "advised": "As advised",
    "same_adapter": "Train the same adapter further",
    "merged": "Merge it first, then train on top",
}
WORDS: Mapping[str, str] = {
    "same_adapter": "the same adapter, trained further",
    "merged": "on the merged result before it",
    "full_model": "on the full model before it",
    "reduced": "the same adapter, with its intruder dimensions reduced",
}
"""How a step of a chain stands on the step before it."""


class ChainStep(BaseModel):
    """One job of a chain: its result, what it learned, and from which data; the latter are empty if it trained
    nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    objective: str
    method: str
    data: str
    continued: str = ""
    """The `Way` in which it went on from the step before it; empty for the first step."""
    deleted: bool = False
