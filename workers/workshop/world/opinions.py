"""Sentences with a feeling, and sentences on a topic."""

from __future__ import annotations

from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import lists, values, with_article

_NEUTRAL = Phrases(
    (
        "The {thing} arrived on {day}.",
        "The {thing} is next to the {other}.",
        "We bought the {thing} in {month}.",
        "The {thing} has {number} parts.",
        "They talked about the {thing} and the {other}.",
        "The {thing} opens at {number} on {day}.",
        "I looked at the {thing} on {day}.",
    ),
    ("There are {number} rows behind the {thing}.", "{name} carried the {thing} to the {other}."),
)
_FELT = Phrases(
    (
        "The {thing} was {adverb} {word}.",
        "I {verb} this {thing}. It is {word}.",
        "What {an} {thing}! {remark}",
        "The {thing} was {word} and the {other} was {second}.",
        "{remark} The {thing} was {word}.",
        "My {thing} is {adverb} {word}, and I {verb} it.",
        "We {verb} the {thing} because it is {word}.",
        "The {thing} in {city} was {word}. {remark}",
        "{name} said the {thing} was {word} and {second}.",
    ),
    (
        "To us the {thing} seemed {word}, even {second}.",
        "If you ask {name}, the {thing} is {adverb} {word}.",
    ),
)
_VERBS = {
    "positive": ("love", "enjoyed", "like", "adore", "recommend"),
    "negative": ("hate", "disliked", "regret", "cannot stand", "returned"),
}
_REMARKS = {
    "positive": ("I would come again.", "We were happy.", "It made my day.", "Five stars.", "I smiled all day."),
    "negative": ("Never again.", "We were sad.", "It ruined my day.", "One star.", "I want my money back."),
}
_ADVERBS = ("very", "really", "so", "quite", "truly", "rather")
_WITH_TOPIC = Phrases(
    (
        "The {a} and the {b} were discussed all day.",
        "{name} talked about the {a} near the {b}.",
        "After the {a}, everyone looked at the {b} and the {c}.",
        "We read about the {a} in the news, and the {b} was new.",
        "The {a} needs a better {b}.",
        "People asked why the {a} changed the {b}.",
        "In {city} the {a} is more important than the {b}.",
    ),
    ("Nobody could explain the {a} without the {b}.", "{name} wrote a long letter about the {a}, the {b} and the {c}."),
)


def opinion(draw: Draw, label: str) -> str:
    """A sentence whose feeling is `label`: positive, negative or neutral."""
    return draw.apart(lambda: _opinion(draw, label))


def on_topic(draw: Draw, topic: str) -> str:
    """A sentence on `topic`."""
    return draw.apart(lambda: _on_topic(draw, topic))


def _opinion(draw: Draw, label: str) -> str:
    feelings = lists()["feelings"]
    thing, other = draw.sample(feelings["things"], 2)
    if label == "neutral":
        return draw.any_phrase(_NEUTRAL).format(
            thing=thing,
            other=other,
            day=draw.choice(values("day")),
            month=draw.choice(values("month")),
            number=draw.whole(2, 9),
            name=draw.name(),
        )
    word, second = draw.sample(feelings["good" if label == "positive" else "bad"], 2)
    return draw.any_phrase(_FELT).format(
        thing=thing,
        other=other,
        word=word,
        second=second,
        an=with_article(word),
        adverb=draw.choice(_ADVERBS),
        verb=draw.choice(_VERBS[label]),
        remark=draw.choice(_REMARKS[label]),
        city=draw.novel("city"),
        name=draw.name(),
    )


def _on_topic(draw: Draw, topic: str) -> str:
    a, b, c = draw.sample(lists()["topics"][topic], 3)
    return draw.any_phrase(_WITH_TOPIC).format(a=a, b=b, c=c, name=draw.name(), city=draw.novel("city"))
