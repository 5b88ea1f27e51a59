"""Counts the words of a list of two to seven."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases

_LAYOUTS = Phrases(
    (
        "How many words are there? {text}",
        "Count the words: {text}",
        "How many words do you see here: {text}",
        "{text}\nHow many words is that?",
        "Give the number of words: {text}",
    ),
    ("Tell me how long this list is: {text}", "{text}\nWhat is the word count?"),
)


def make(draw: Draw) -> Example:
    """Two to seven words to count."""
    count = draw.fair((2, 3, 4, 5, 6, 7))
    words = " ".join(draw.word() for _ in range(count))
    return Example(asked(draw.phrase(_LAYOUTS).format(text=words), str(count)))


SPEC = AbilityGenerator(
    share=0.017,
    make=make,
    chains=True,
    polite=True,
)
