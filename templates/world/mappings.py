"""Arbitrary labels for kinds of things, shown by examples only: what in-context learning is learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from templates.world import names
from templates.world.draw import Draw, kinds
from templates.world.lists import lists, words
from templates.world.opinions import on_topic, opinion

HELD_OUT_KINDS = ("instrument", "drink", "weather", "family", "flower", "landscape")
"""Kinds whose words are never labelled in the corpus."""
_FORMATS = (
    ("{x} ->", " {y}", "\n"),
    ("Input: {x}\nLabel:", " {y}", "\n"),
    ("{x} =", " {y}", "\n"),
    ("Text: {x}\nClass:", " {y}", "\n"),
    ("Q: {x}\nA:", " {y}", "\n"),
    ("{x}:", " {y}", "\n"),
    ("{x} |", " {y}", "\n"),
    ("In: {x}\nOut:", " {y}", "\n\n"),
)
_HELD_OUT_FORMATS = (("{x} =>", " {y}", "\n"), ("Example: {x}\nAnswer:", " {y}", "\n"))
_LETTERS = tuple("ABCDEFGHKMPQRSTXYZ")
_HELD_OUT_LABELS = ("alpha", "beta", "gamma", "delta", "sigma", "omega", "kappa", "lambda", "theta", "zeta")


@dataclass(frozen=True)
class Labelling:
    """Classes with their labels, and the form in which examples are written."""

    labels: Mapping[str, str]
    form: tuple[str, str, str]
    source: str

    def text(self, draw: Draw, name: str) -> str:
        """A text of class `name`."""
        if self.source == "kinds":
            return draw.choice(kinds()[name])
        return opinion(draw, name) if self.source == "feelings" else on_topic(draw, name)

    def query(self, text: str) -> str:
        """The line that asks for a label."""
        return self.form[0].format(x=text)

    def example(self, text: str, name: str) -> str:
        """The line with its label and what separates it from the next."""
        return self.query(text) + self.form[1].format(y=self.labels[name]) + self.form[2]


def mapping(draw: Draw, count: int | None = None) -> Labelling:
    """A fresh mapping of `count` classes, or of two to four."""
    known = draw.phrasing == "known"
    source = "kinds" if not known or draw.chance(0.7) else draw.choice(("feelings", "topics"))
    number = count or draw.choice((2, 2, 2, 3, 4))
    if source == "feelings":
        classes = ["positive", "negative"]
    elif source == "topics":
        classes = draw.sample(tuple(lists()["topics"]), min(number, 3))
    else:
        named = tuple(k for k in kinds() if k not in HELD_OUT_KINDS) if known else HELD_OUT_KINDS
        classes = draw.sample(named, number)
    form = draw.pick(known=_FORMATS, held_out=_HELD_OUT_FORMATS)
    return Labelling(dict(zip(classes, _labels(draw, len(classes)), strict=True)), form, source)


def _labels(draw: Draw, count: int) -> list[str]:
    if draw.phrasing == "held_out":
        return draw.sample(_HELD_OUT_LABELS, count)
    kind = draw.random.random()
    found: dict[str, None] = {}
    while len(found) < count:
        if kind < 0.35:
            label = names.syllables(draw.random)
        elif kind < 0.6:
            label = draw.choice(_LETTERS)
        elif kind < 0.7:
            label = str(draw.whole(0, 9))
        else:
            label = draw.choice(words())
        found[label] = None
    return list(found)


def lines(draw: Draw) -> str:
    """A plain document: ten to twenty-four lines of one mapping."""
    chosen = mapping(draw)
    classes = tuple(chosen.labels)
    count = draw.whole(10, 24) if chosen.source == "kinds" else draw.whole(6, 12)
    return "".join(
        chosen.example(chosen.text(draw, name), name) for name in (draw.choice(classes) for _ in range(count))
    ).rstrip()
