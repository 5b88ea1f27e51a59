"""Keeps what is learned apart from what is judged, across datasets.

A dataset's own split keeps its held-out rows from its training rows. With several datasets in one training, a row
held out in one may be a training row of another, or nearly: such a training row is not learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.data import row_files
from storage.data.splits import GROUPED_BYTES
from storage.gallery import suites
from templates import registry, turns

if TYPE_CHECKING:
    from storage.data.rows.rows import Row
    from templates.spec.suite import SuiteItem


@dataclass(frozen=True)
class HeldOut:
    """The held-out side of a dataset."""

    file: Path
    shape: str


@dataclass(frozen=True)
class Judged:
    """What a training's result will be asked."""

    sides: tuple[HeldOut, ...] = ()
    suite: str = ""
    """The suite that shows what was forgotten."""
    n_items: int = 0
    """Items of each of its abilities; 0: none is asked."""

    def for_task(self, file: Path) -> Judged:
        """What the rows of this one of the task's datasets must not ask.

        Its own split keeps it apart from its own held-out side. What the task teaches may be among the general
        abilities, and then its rows ask what the suite asks.
        """
        return Judged(tuple(side for side in self.sides if side.file != file))

    def rows(self) -> list[Row]:
        """All prompts."""
        from storage.data.rows.rows import Rows

        found: list[Row] = []
        for side in self.sides:
            found += Rows.of(registry.shape(side.shape), row_files.read(side.file, held_out=True)).rows
        return [*found, *of_items(suites.asked_of(self.suite, self.n_items).items if self.n_items else ())]

    @property
    def depends_on(self) -> list[Any]:
        """What its prompts depend on."""
        suite = suites.asked_of(self.suite, self.n_items).sha256 if self.n_items else ""
        return [*([side.file.name, side.shape] for side in self.sides), suite]


def of_items(items: Iterable[SuiteItem]) -> list[Row]:
    """A suite's items as judged rows."""
    return of_prompts("\n".join(map(turns.said, item.messages)) for item in items)


def of_prompts(texts: Iterable[str]) -> list[Row]:
    """Prompts as judged rows."""
    from storage.data.rows.rows import Row  # needed late: the web process starts faster without it

    return [Row(number, True, text, ()) for number, text in enumerate(texts, 1)]


def left_out(file: Path, shape: str, judged: Judged) -> list[int]:
    """The numbers of a dataset's training rows that ask the same as a judged one, or nearly."""
    rows = row_files.read(file, held_out=False)
    return [int(rows[place]["source_row"]) for place in places(shape, rows, judged.rows())]


def places(shape: str, learned: Sequence[Mapping[str, Any]], judged: Iterable[Row]) -> list[int]:
    """The positions of the `learned` rows that ask the same as a judged one; among very much text only exactly that."""
    from storage.data.rows.comparable import normalised
    from storage.data.rows.rows import Rows

    asked = tuple(judged)
    if not asked or not learned:
        return []
    rows = Rows.of(registry.shape(shape), ({**row, "held_out": False} for row in learned))
    if sum(map(len, rows.prompts)) + sum(len(row.prompt) for row in asked) <= GROUPED_BYTES:
        return sorted(replace(rows, evaluation=asked).given_away)
    known = {normalised(row.prompt) for row in asked}
    return [place for place, prompt in enumerate(rows.prompts) if prompt and prompt in known]
