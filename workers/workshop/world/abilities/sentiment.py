"""Tells the feeling of a short text: positive or negative, and in half of the items also neutral."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.opinions import opinion

_LAYOUTS = Phrases(
    (
        "Classify the sentiment of the text as one of: {labels}.\nText: {text}",
        "What is the sentiment? Choose from: {labels}.\n{text}",
        "Label the sentiment ({labels}).\nText: {text}",
        "Text: {text}\nWhat is the sentiment? Choose from: {labels}.",
        "{text}\nIs the feeling of this text {labels}?",
        "Sentiment ({labels}): {text}",
    ),
    (
        "How does the writer feel? Pick one of {labels}.\nReview: {text}",
        "{text}\nDecide on the mood of these words. Options: {labels}.",
    ),
)


def make(draw: Draw) -> Example:
    """A text with the labels to choose from."""
    three = draw.chance(0.5) if draw.number is None else draw.number % 2 == 1
    labels = ("positive", "negative", "neutral") if three else ("positive", "negative")
    label = labels[draw.number // 2 % len(labels)] if draw.number is not None else draw.choice(labels)
    text = opinion(draw, label)
    shown = ", ".join(draw.shuffled(labels))
    return Example(asked(draw.phrase(_LAYOUTS).format(labels=shown, text=text), label))


SPEC = AbilityGenerator(
    share=0.037,
    make=make,
    chains=True,
    polite=True,
)
