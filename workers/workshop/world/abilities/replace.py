"""Replaces one word of a short list by another and leaves the others as they are."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases

_LAYOUTS = Phrases(
    (
        "Replace {old} with {new}: {text}",
        "Put {new} in place of {old}: {text}",
        "Change {old} to {new} in: {text}",
        "{text}\nReplace {old} with {new}.",
        "Write {new} instead of {old}: {text}",
    ),
    ("Swap out {old} for {new} here: {text}", "{text}\nWherever you see {old}, use {new}."),
)


def make(draw: Draw) -> Example:
    """Two to six different words, one of which is replaced."""
    new, *words = draw.different_words(draw.whole(3, 7))
    old = draw.choice(words)
    question = draw.phrase(_LAYOUTS).format(old=old, new=new, text=" ".join(words))
    return Example(asked(question, " ".join(new if word == old else word for word in words)))


SPEC = AbilityGenerator(share=0.016, make=make, chains=True, polite=True)
