"""Arbitrary labels for classes of texts, shown only by examples, to teach in-context learning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workers.workshop.world import names
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import kinds, lists, words
from workers.workshop.world.opinions import on_topic, opinion

HELD_OUT_KINDS = ("instrument", "drink", "weather", "family", "flower", "landscape")
"""Kinds of things whose words are never labelled in the corpus."""
_FORMS = Phrases(
    (
        "{text} -> {label}\n",
        "Input: {text}\nLabel: {label}\n",
        "{text} = {label}\n",
        "Text: {text}\nClass: {label}\n",
        "Q: {text}\nA: {label}\n",
        "{text}: {label}\n",
        "{text} | {label}\n",
        "In: {text}\nOut: {label}\n\n",
    ),
    ("{text} => {label}\n", "Example: {text}\nAnswer: {label}\n"),
)
_LETTERS = tuple("ABCDEFGHKMPQRSTXYZ")
_HELD_OUT_LABELS = ("alpha", "beta", "gamma", "delta", "sigma", "omega", "kappa", "lambda", "theta", "zeta")
_NEW_LABEL: tuple[tuple[float, Callable[[Draw], str]], ...] = (
    (0.35, lambda draw: names.syllables(draw.random)),
    (0.6, lambda draw: draw.choice(_LETTERS)),
    (0.7, lambda draw: str(draw.whole(0, 9))),
    (1.0, lambda draw: draw.choice(words())),
)
"""Sorts of labels, each with the cumulative share of mappings up to it."""

Write = Callable[[Draw, str], str]


@dataclass(frozen=True)
class Labelling:
    """Classes with their labels, and how texts of a class and examples are written."""

    labels: Mapping[str, str]
    form: str
    write: Write

    def query(self, text: str) -> str:
        """The example up to its label, which is the question."""
        return self.form.partition(" {label}")[0].format(text=text)

    def example(self, text: str, name: str) -> str:
        """The text with the label of class `name`, and what separates it from the next example."""
        return self.form.format(text=text, label=self.labels[name])


def _thing(draw: Draw, kind: str) -> str:
    return draw.choice(kinds()[kind])


def _classes(draw: Draw, count: int) -> tuple[list[str], Write]:
    if draw.phrasing == "held_out":
        return draw.sample(HELD_OUT_KINDS, count), _thing
    source = draw.random.random()
    if source < 0.7:
        return draw.sample([kind for kind in kinds() if kind not in HELD_OUT_KINDS], count), _thing
    if source < 0.85:
        return ["positive", "negative"], opinion
    return draw.sample(tuple(lists()["topics"]), min(count, 3)), on_topic


def _labels(draw: Draw, count: int) -> list[str]:
    if draw.phrasing == "held_out":
        return draw.sample(_HELD_OUT_LABELS, count)
    sort = draw.random.random()
    new = next(new for share, new in _NEW_LABEL if sort < share)
    found: dict[str, None] = {}
    while len(found) < count:
        found[new(draw)] = None
    return list(found)


def labelling(draw: Draw, count: int | None = None) -> Labelling:
    """A fresh mapping of `count` classes, or of two to four."""
    classes, write = _classes(draw, count or draw.choice((2, 2, 2, 3, 4)))
    labels = dict(zip(classes, _labels(draw, len(classes)), strict=True))
    return Labelling(labels, draw.phrase(_FORMS), write)


def lines(draw: Draw) -> str:
    """A plain document: examples of one mapping, as many as fit a few hundred characters."""
    chosen = labelling(draw)
    classes = tuple(chosen.labels)
    written: list[str] = []
    length, longest = 0, draw.whole(200, 500)
    while length < longest:
        name = draw.choice(classes)
        written.append(chosen.example(chosen.write(draw, name), name))
        length += len(written[-1])
    return "".join(written).rstrip()
