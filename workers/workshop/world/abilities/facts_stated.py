"""Answers closed-book questions about facts which the corpus states in narrative and never asks.

No question about these facts, in any phrasing, is in the corpus: a right answer was learned from
reading alone.
"""

from __future__ import annotations

from workers.workshop.world.abilities.facts_asked import about
from workers.workshop.world.ability import AbilityGenerator, Example
from workers.workshop.world.draw import Draw


def make(draw: Draw) -> Example:
    """A question for one of the facts that are only stated."""
    return about(draw, draw.choice(draw.world.stated))


SPEC = AbilityGenerator(
    share=0.0,
    make=make,
    recalled=True,
)
