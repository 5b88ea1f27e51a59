"""The corpus that the bundled models are pretrained on: documents of the small world, in curriculum order.

First a general mix, then a stretch heavy in repeated sequences and recall, which teaches copying, then
the general mix again, which keeps some copying throughout. Later corpora, for a model that has read the
first, have more of what it learns slowly.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from random import Random

from templates.errors import BadInput, Problem
from workers.workshop.world import abilities
from workers.workshop.world.ability import AbilityGenerator, Example, text
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import world
from workers.workshop.world.narrative import SOURCES

GENERAL_FIRST = 0.10
BOOTSTRAP = 0.12
"""Shares of the documents: the general mix comes first, then the bootstrap, then the general mix again."""
_BOOTSTRAP_SHARES = {"repeated": 0.6, "recall": 0.3}
_LATER: Mapping[str, Mapping[str, float]] = {
    "second": {
        "count": 2.5,
        "json_extraction": 2.0,
        "label_mapping": 2.5,
        "list_items": 2.5,
        "passages_unanswerable": 2.0,
        "reading": 2.2,
        "replace": 2.5,
        "tool_calls": 2.5,
        "unanswerable": 2.2,
        "passages": 1.2,
        "facts_asked": 0.7,
        "world_text": 0.7,
        "label_lines": 0.5,
        "recall": 0.3,
        "repeated": 0.3,
        "": 0.6,
    },
    "third": {
        "facts_asked": 1.2,
        "json_extraction": 1.5,
        "list_items": 1.5,
        "reading": 4.0,
        "repeat": 1.0,
        "replace": 1.5,
        "tool_calls": 5.0,
        "unanswerable": 1.6,
        "world_text": 1.6,
        "": 0.4,
    },
}
"""The factor on a kind's share of documents, compared with the first corpus; "" stands for all other kinds."""
_SYSTEM = (
    "You are a helpful assistant.",
    "You are Studio, a small assistant.",
    "Answer briefly.",
    "Be short and correct.",
    "You help people with small tasks.",
    "You are a careful assistant.",
)
_SYSTEM_SHARE = 0.06
POLITE = "Sure! "
_POLITE_SHARE = 0.065
_GOES_ON = 0.62
_MOST_TURNS = 6
_FACTS_IN_CHAIN = 0.4
_SHORT_BESIDE_LONG = 0.15

Maker = Callable[[Draw], str]


class _Mix:
    """Documents of several makers, by their shares."""

    def __init__(self, shares: Mapping[str, float], makers: Mapping[str, Maker]):
        self._makers = [makers[name] for name in shares]
        self._sums = list(accumulate(shares.values()))

    def make(self, draw: Draw) -> str:
        return self._makers[bisect(self._sums, draw.random.random() * self._sums[-1])](draw)


class _Conversations:
    """Writes abilities' examples as documents: chained, with system prompts and polite words."""

    def __init__(self, known: Mapping[str, AbilityGenerator]):
        self._short = tuple(a for a in known.values() if a.chains)
        # With a fact of the world beside a text, a model would answer what the text doesn't say
        self._beside_texts = tuple(a for a in self._short if not a.recalled)
        self._facts = known["facts_asked"]

    def maker(self, ability: AbilityGenerator) -> Maker:
        return lambda draw: self._document(draw, ability)

    def _document(self, draw: Draw, ability: AbilityGenerator) -> str:
        polite = draw.chance(_POLITE_SHARE)
        first = ability.make(draw)
        messages = list(_politely(first.messages) if polite and ability.polite else first.messages)
        if ability.chains:
            while len(messages) < 2 * _MOST_TURNS and draw.chance(_GOES_ON):
                more = self._facts if draw.chance(_FACTS_IN_CHAIN) else draw.choice(self._short)
                messages += self._turns(draw, more, polite)
        elif draw.chance(_SHORT_BESIDE_LONG):
            beside = self._turns(draw, draw.choice(self._beside_texts), polite)
            messages = [*beside, *messages] if draw.chance(0.5) else [*messages, *beside]
        if draw.chance(_SYSTEM_SHARE):
            messages.insert(0, {"role": "system", "content": draw.choice(_SYSTEM)})
        return text(Example(tuple(messages), first.tools))

    def _turns(self, draw: Draw, ability: AbilityGenerator, polite: bool) -> tuple[dict[str, str], ...]:
        messages = ability.make(draw).messages
        return _politely(messages) if polite and ability.polite else messages


def _politely(messages: tuple[dict[str, str], ...]) -> tuple[dict[str, str], ...]:
    return tuple(
        {"role": "assistant", "content": POLITE + m["content"]} if m["role"] == "assistant" else m for m in messages
    )


def documents(n_documents: int, seed: int = 0, *, later: str | None = None) -> Iterator[str]:
    """`n_documents` texts in curriculum order; another seed gives other documents of the same world.

    `later`, “second” or “third”, is for a model that has read those before. Raises `BadInput` for fewer
    than one document.
    """
    if n_documents < 1:
        raise BadInput(
            Problem(f"a corpus can't have {n_documents} documents.", field="documents", remedy="Ask for 1 or more.")
        )
    known = abilities()
    conversations = _Conversations(known)
    makers: dict[str, Maker] = {key: conversations.maker(ability) for key, ability in known.items()}
    makers |= {name: source.make for name, source in SOURCES.items()}
    shares = {key: a.share for key, a in known.items() if a.share} | {name: s.share for name, s in SOURCES.items()}
    if later:
        heavier = _LATER[later]
        mix = _Mix({name: share * heavier.get(name, heavier[""]) for name, share in shares.items()}, makers)
        draw = Draw(Random(f"{later} corpus {seed}"), world())
        return (mix.make(draw) for _ in range(n_documents))
    return _curriculum(n_documents, Draw(Random(f"corpus {seed}"), world()), shares, makers)


def _curriculum(
    n_documents: int, draw: Draw, shares: Mapping[str, float], makers: Mapping[str, Maker]
) -> Iterator[str]:
    general = _Mix(shares, makers)
    rest = (1 - sum(_BOOTSTRAP_SHARES.values())) / sum(shares[n] for n in shares if n not in _BOOTSTRAP_SHARES)
    bootstrap = _Mix({name: _BOOTSTRAP_SHARES.get(name, share * rest) for name, share in shares.items()}, makers)
    first = round(n_documents * GENERAL_FIRST)
    last = first + round(n_documents * BOOTSTRAP)
    for place in range(n_documents):
        yield (bootstrap if first <= place < last else general).make(draw)


def write(path: Path, *, n_documents: int, seed: int = 0, later: str | None = None) -> int:
    """Write the corpus to `path`, one JSON row `{"text": …}` per document; returns its characters."""
    made = documents(n_documents, seed, later=later)
    path.parent.mkdir(parents=True, exist_ok=True)
    characters = 0
    with path.open("w", encoding="utf-8") as file:
        for document in made:
            characters += len(document)
            file.write(json.dumps({"text": document}, ensure_ascii=False) + "\n")
    return characters
