"""Plain documents and recall chats: parts of the corpus that no suite item comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workers.workshop.world.abilities.repeat import LAYOUTS
from workers.workshop.world.ability import Example, asked, text
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import Fact
from workers.workshop.world.labellings import lines
from workers.workshop.world.lists import kinds, lists, values, words
from workers.workshop.world.texts import aside


@dataclass(frozen=True)
class Source:
    """Documents of one sort; `share` is of the corpus' documents."""

    share: float
    make: Callable[[Draw], str]


def _said(draw: Draw, fact: Fact) -> str:
    return fact.relation.state(draw, fact.subject, fact.value)


def world_text(draw: Draw) -> str:
    """All facts about one entity, or some facts about several."""
    if draw.chance(0.15):
        return " ".join(_said(draw, fact) for fact in draw.sample(draw.world.facts, draw.whole(3, 6)))
    kind = draw.choice(("person",) * 6 + ("city",) * 2 + ("company",) * 2 + ("product",) * 2)
    subjects = draw.sample(draw.world.entities[kind], draw.choice((1, 2, 2)))
    sentences = [_said(draw, fact) for subject in subjects for fact in draw.shuffled(draw.world.about[subject])]
    if draw.chance(0.1):
        sentences.insert(draw.whole(0, len(sentences)), aside(draw))
    return " ".join(sentences)


_STORY = (
    "One {day}, {p} went to {city} to buy {food}.",
    "{p} met a {color} {animal} near the river.",
    "{q} was a friend of {p}.",
    "{p} and {q} ate {food} together.",
    "The {animal} was {good} and {p} was happy.",
    "The {thing} was {bad}, so {q} was sad.",
    "{q} gave {p} a {color} {thing}.",
    "Then {p} went home to {city}.",
    '"This is {good}," said {q}.',
    "They looked for the {thing} all day.",
    "The {animal} had hidden the {thing} behind a tree.",
    "{p} laughed, because the {animal} wanted {food}.",
    "In the evening {q} told {p} a story about the {animal}.",
    "{p} thanked {q} and went to sleep.",
)


def story(draw: Draw) -> str:
    """A small story of two friends."""
    named, feelings = kinds(), lists()["feelings"]
    told = {
        "p": draw.name(),
        "q": draw.name(),
        "day": draw.choice(values("day")),
        "city": draw.novel("city"),
        "food": draw.choice(named["food"]),
        "color": draw.choice(named["color"]),
        "animal": draw.choice(named["animal"]),
        "thing": draw.choice(draw.choice((named["tool"], named["clothing"], named["toy"]))),
        "good": draw.choice(feelings["good"]),
        "bad": draw.choice(feelings["bad"]),
    }
    places = sorted(draw.sample(range(len(_STORY)), draw.whole(4, 9)))
    return " ".join(_STORY[place] for place in places).format(**told)


def _sequence(draw: Draw, count: int) -> str:
    kind = draw.random.random()
    if kind < 0.4:
        return " ".join(draw.choice(words()) for _ in range(count))
    if kind < 0.6:
        return " ".join(draw.name() for _ in range(count))
    if kind < 0.7:
        return " ".join(str(draw.whole(0, 999)) for _ in range(count))
    return " ".join(draw.word() for _ in range(count))


def repeated(draw: Draw) -> str:
    """A long sequence, repeated to teach copying."""
    sequence = _sequence(draw, draw.whole(6, 40))
    if draw.chance(0.5):
        return text(Example(asked(draw.phrase(LAYOUTS).format(text=sequence), sequence)))
    return draw.choice((" | ", "\n", " / ")).join([sequence] * draw.choice((2, 2, 3)))


_JOINTS = (" : ", " is ", " -> ", " has ", " = ")


def recall(draw: Draw) -> str:
    """A list of pairs, then a chat that asks for each key's value."""

    def number() -> str:
        return str(draw.whole(10, 999))

    made = (draw.name, draw.word, number)
    key_of, value_of = draw.choice((draw.name, draw.word)), draw.choice(made)
    pairs = {key_of(): value_of() for _ in range(draw.whole(3, 9))}
    joint = draw.choice(_JOINTS)
    messages: list[dict[str, str]] = []
    for key in draw.shuffled(list(pairs)):
        question = f"{key}{joint.rstrip()}"
        if not messages:
            question = "\n".join(f"{k}{joint}{v}" for k, v in pairs.items()) + f"\n\n{question}"
        messages += asked(question, pairs[key])
    return text(Example(tuple(messages)))


SOURCES: Mapping[str, Source] = {
    "world_text": Source(0.107, world_text),
    "story": Source(0.025, story),
    "repeated": Source(0.034, repeated),
    "recall": Source(0.033, recall),
    "label_lines": Source(0.04, lines),
}
