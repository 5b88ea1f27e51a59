"""Repeats two to six words exactly."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases

LAYOUTS = Phrases(
    (
        "Repeat: {text}",
        "Repeat these words: {text}",
        "Say this again: {text}",
        "Copy the words: {text}",
        "Write the same words: {text}",
    ),
    ("Echo what follows. {text}", "Say exactly what I say: {text}"),
)


def make(draw: Draw) -> Example:
    """Two to six words."""
    words = " ".join(draw.word() for _ in range(draw.whole(2, 6)))
    return Example(asked(draw.phrase(LAYOUTS).format(text=words), words))


SPEC = AbilityGenerator(share=0.025, make=make, chains=True, polite=True)
