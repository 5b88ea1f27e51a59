"""Tells what kind of thing a word names."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import kinds

_LAYOUTS = Phrases(
    (
        "What kind of thing is {word}?",
        "Name the category of {word}.",
        "Say what kind of thing {word} is.",
        "Which category does {word} belong to?",
        "{word}: what kind of thing is that?",
    ),
    ("In one word, what sort of thing is {word}?", "Under which heading would you put {word}?"),
)


def make(draw: Draw) -> Example:
    """One word whose kind is asked."""
    named = kinds()
    kind = draw.fair(tuple(named))
    question = draw.phrase(_LAYOUTS).format(word=draw.choice(named[kind]))
    return Example(asked(question, f"{kind}."))


SPEC = AbilityGenerator(
    share=0.017,
    make=make,
    chains=True,
    polite=True,
    recalled=True,
)
