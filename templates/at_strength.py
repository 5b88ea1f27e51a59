"""A model at a strength: `careful` as it was trained, `careful@0.5` with half of what was trained.

The second form stands wherever one text names a model: in a page's address, and in `--model`. No model's name has
an “@”.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from templates.errors import BadInput, Problem

FIELD = "strength"
LEAST, FULL = 0.05, 1.0
"""The range of a control; a request may name any number above 0 and up to 1."""
STEP = 0.05
_SAID = re.compile(r"(?P<name>[^@]+)@(?P<strength>\d{0,3}\.?\d{1,6})", re.ASCII)


class AtStrength(NamedTuple):
    """A model by name, and the share of its adapter's effect."""

    name: str
    strength: float = FULL

    def __str__(self) -> str:
        return self.name if self.strength == FULL else f"{self.name}@{self.strength:g}"

    @property
    def words(self) -> str:
        """The name for people: `careful, strength 0.5`."""
        return self.name if self.strength == FULL else f"{self.name}, {words(self.strength)}"


def words(strength: float) -> str:
    """The strength wherever a model that has less than all of it is named."""
    return f"strength {strength:g}"


def read(text: str) -> AtStrength:
    """The model that a text names. Raises `BadInput` for a strength out of range."""
    found = _SAID.fullmatch(text)
    if found is None:
        return AtStrength(text)
    return AtStrength(found["name"], checked(float(found["strength"])))


def checked(strength: float) -> float:
    """The strength itself. Raises `BadInput` unless it is above 0 and at most 1."""
    if not (math.isfinite(strength) and 0 < strength <= FULL):
        raise BadInput(Problem(f"{strength:g} isn't a strength.", field=FIELD, remedy="Use a number above 0, up to 1."))
    return strength
