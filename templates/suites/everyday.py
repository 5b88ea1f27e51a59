"""Simple questions in plain English: common knowledge, arithmetic, instructions, formats, reading, ordering.

**When to use it.** With any base model that knows English. What a model scores says little by itself; what it scores
after a training, beside its base, shows what the training made it forget.

**How answers are marked.** By what they say, not by how they say it: `Paris` and `The capital of France is Paris.` are
both right. An answer may be long; its beginning counts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from templates.marking import bare, cased, json_in, mentioned, number, numbers
from templates.spec import Ability, DeclaredSuite, SuiteItem

_TABLES: Mapping[str, Mapping[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_DISTRACTORS = (
    *("Paul", "Tuesday", "pizza", "tea", "Momo", "noon", "red", "Hamburg", "pilot", "castle", "letters", "skiing"),
    *("Carla", "Monday", "airport", "Boston"),
)
"""Wrong answers that the texts for reading suggest."""


def _answers(key: str) -> set[str]:
    return {answer for _, answer in _TABLES[key]["items"]}


def _compared() -> set[str]:
    """The things that the items on comparing name."""
    choices = [question.partition(": ")[2].split(" or ") for question, _ in _TABLES["comparing"]["items"]]
    return {choice.removeprefix("a ").removeprefix("an ").removeprefix("the ") for pair in choices for choice in pair}


_MARKED: Mapping[str, tuple[str, Callable[[str], str], float | None]] = {
    "addition": ("Addition", number, None),
    "capital_letters": ("Capital letters", cased, None),
    "capitals": ("Capital cities", mentioned(_answers("capitals")), None),
    "comparing": ("Comparing two things", mentioned(_compared()), 1 / 2),
    "general_knowledge": ("General knowledge", mentioned(_answers("general_knowledge")), None),
    "json": ("JSON", json_in, None),
    "opposites": ("Opposites", mentioned(_answers("opposites")), None),
    "ordering": ("Ordering numbers", numbers, None),
    "plurals": ("Plurals", mentioned(_answers("plurals")), None),
    "reading": ("Reading", mentioned({*_answers("reading"), *_DISTRACTORS}), None),
    "repeat": ("Repeat", bare, None),
    "sentiment": ("Sentiment", mentioned(_answers("sentiment")), 1 / 2),
    "topic": ("Topic", mentioned(_answers("topic")), 1 / 4),
    "word_problems": ("Word problems", number, None),
    "yes_or_no": ("Yes or no", mentioned(_answers("yes_or_no")), 1 / 2),
}


def _items(key: str) -> Iterator[SuiteItem]:
    prompt: str = _TABLES[key].get("prompt", "{}")
    shown = [turn for pair in _TABLES[key].get("examples", []) for turn in _turns(prompt, *pair)]
    for question, answer in _TABLES[key]["items"]:
        asked, _ = _turns(prompt, question, answer)
        yield SuiteItem(key, "held_out", [*shown, asked], [], answer)


def _turns(prompt: str, question: str, answer: str) -> tuple[dict[str, str], dict[str, str]]:
    asked = {"role": "user", "content": prompt.replace("{}", question)}
    return asked, {"role": "assistant", "content": answer}


def read() -> list[SuiteItem]:
    """All items, ability by ability."""
    return [item for key in _MARKED for item in _items(key)]


SPEC = DeclaredSuite(
    title="Everyday English",
    abilities={key: Ability(title, {key: mark}, chance) for key, (title, mark, chance) in _MARKED.items()},
    read=read,
    prompt_tokens=58,
    answer_tokens=28,
    forgetting_of="others",
    spare_tokens=24,
    must_end=False,
)
