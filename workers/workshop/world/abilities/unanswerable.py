"""Says that a text does not hold the answer when it does not.

Each text has an answerable twin that is built alike (measured by `reading`); half of the corpus'
documents of this kind are such twins. Always saying “The text does not say.” scores 1 here and 0
there, so read the two together.
"""

from __future__ import annotations

from workers.workshop.world.abilities.reading import read
from workers.workshop.world.ability import AbilityGenerator, Example
from workers.workshop.world.draw import Draw


def make(draw: Draw) -> Example:
    """A text with one to four questions, each as likely answered by it as not."""
    return read(draw, draw.chance(0.5), draw.whole(0, 3), 0.5)


def item(draw: Draw) -> Example:
    """A text with one question that it does not answer."""
    return read(draw, False, 0, 0.0)


SPEC = AbilityGenerator(
    share=0.115,
    make=make,
    item=item,
)
