"""Tells the topic of a short text, out of four that the question names."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import lists
from workers.workshop.world.opinions import on_topic

_LAYOUTS = Phrases(
    (
        "Classify the topic of the text as one of: {labels}.\nText: {text}",
        "What is the topic? Choose from: {labels}.\n{text}",
        "Label the topic ({labels}).\nText: {text}",
        "Text: {text}\nWhat is the topic? Choose from: {labels}.",
        "{text}\nWhich topic fits: {labels}?",
        "Topic ({labels}): {text}",
    ),
    (
        "What are these words about? Pick one of {labels}.\nNote: {text}",
        "{text}\nPut this under the right heading. Headings: {labels}.",
    ),
)


def _asked(draw: Draw, count: int) -> Example:
    topics = tuple(lists()["topics"])
    label = draw.fair(topics)
    labels = draw.shuffled([label, *draw.sample([t for t in topics if t != label], count - 1)])
    question = draw.phrase(_LAYOUTS).format(labels=", ".join(labels), text=on_topic(draw, label))
    return Example(asked(question, label))


def make(draw: Draw) -> Example:
    """A text with two to six topics to choose from."""
    return _asked(draw, draw.whole(2, 6))


def item(draw: Draw) -> Example:
    """A text with four topics to choose from."""
    return _asked(draw, 4)


SPEC = AbilityGenerator(
    share=0.037,
    make=make,
    item=item,
    chains=True,
    polite=True,
)
