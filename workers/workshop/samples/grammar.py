"""Composes texts from hand-written parts, no two alike."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any

from workers.workshop.world.lists import with_article

_SETS = Path(__file__).parent / "sets"
_SLOT = re.compile(r"\{(?:(\d+)-(\d+)|(an )?(\w+))\}")
_NEW_SENTENCE = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")
_MOST_TRIES = 2_000
PLURAL = "*"
"""Marks a plural noun, at its end."""


class Grammar:
    """The parts in `sets/<name>.toml`, by list. Each part of a list is used once before any is used again."""

    def __init__(self, name: str):
        self.lists: Mapping[str, Any] = tomllib.loads((_SETS / f"{name}.toml").read_text(encoding="utf-8"))
        self.random = Random(f"sample {name}")
        self._stacks: dict[int, list[Any]] = {}
        self._last: dict[int, Any] = {}

    def deal(self, options: list[Any]) -> Any:
        """The next one of `options`, a list of this grammar; of two or more, never the same twice running."""
        stack = self._stacks.setdefault(id(options), [])
        if not stack:
            stack.extend(self.random.sample(options, len(options)))
            if stack[-1] is self._last.get(id(options)):
                stack.insert(0, stack.pop())
        dealt = self._last[id(options)] = stack.pop()
        return dealt

    def fill(self, template: str, given: Mapping[str, str]) -> str:
        """The template with each slot filled from `given` or from the list with its name.

        `{part}` is a part and may have slots itself, `{an part}` has its article before it, `{2-9}` is a
        number; `given` values stand for themselves.
        """

        def filled(slot: re.Match[str]) -> str:
            first, last, article, name = slot.groups()
            if first:
                return str(self.random.randint(int(first), int(last)))
            text = given[name] if name in given else self.fill(self.deal(self.lists[name]), given)
            return with_article(text) if article else text

        return _SLOT.sub(filled, template)

    def text(self, template: str, given: Mapping[str, str] | None = None) -> str:
        """The filled template with a capital at the start of each sentence and single spaces."""
        text = re.sub(r" {2,}", " ", self.fill(template, given or {})).strip()
        return _NEW_SENTENCE.sub(lambda letter: letter[0].upper(), text)


def noun(entry: str) -> dict[str, str]:
    """Slots for a noun and for the words that agree with it in number."""
    if entry.endswith(PLURAL):
        name = entry.removesuffix(PLURAL)
        return {"item": name, "an_item": f"some {name}", "is": "are", "was": "were", "has": "have", "it": "they"} | {
            "them": "them", "this": "these", "does": "do", "s": "", "one": "ones",
        }  # fmt: skip
    return {"item": entry, "an_item": with_article(entry), "is": "is", "was": "was", "has": "has", "it": "it"} | {
        "them": "it", "this": "this", "does": "does", "s": "s", "one": "one",
    }  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a text in lower case; all numbers become one word."""
    return re.findall(r"[a-z'-]+|0", re.sub(r"\d+", "0", text.lower()))


def runs(text: str, length: int) -> set[tuple[str, ...]]:
    """Every `length` words in a row."""
    found = words(text)
    return {tuple(found[i : i + length]) for i in range(len(found) - length + 1)}


def distinct_rows(
    make: Callable[[str], dict[str, str]], kinds: Iterable[str], n_each: int, *, field: str, most_alike: float
) -> list[dict[str, str]]:
    """`n_each` rows of each kind in turn; `field` shares at most `most_alike` of its words with any other row's.

    Raises `RuntimeError` if there are too few parts for that many rows.
    """
    rows: list[dict[str, str]] = []
    bags: list[frozenset[str]] = []
    for kind in [*kinds] * n_each:
        for _ in range(_MOST_TRIES):
            row = make(kind)
            bag = frozenset(words(row[field]))
            if all(len(bag & other) <= most_alike * len(bag | other) for other in bags):
                break
        else:
            raise RuntimeError(f"too few parts for {len(rows) + 1} rows: {row}")
        rows.append(row)
        bags.append(bag)
    return rows
