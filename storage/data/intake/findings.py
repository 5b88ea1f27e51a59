"""Findings from reading a file: problems, which refuse it, and oddities, which become remarks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from templates.errors import BadInput, Problem

MAX_PROBLEMS = 20
MAX_ALIKE = 5
"""Problems listed per wording and field; more of them would say nothing new."""
MAX_ROWS_NAMED = 5
MAX_REMARKS = 100
"""Oddities listed with different wordings, which can quote names from the file."""
MORE_REMARKS = "There are more kinds of oddities than are listed here."
MAX_CHARS = 1_000
"""Maximum characters of a message; the names that it quotes can have any length."""
Reach = Literal["row", "unreadable", "file"]
"""The reach of a problem with a row: the row can be left out; it can also be kept, with � for broken characters;
or the file can't be used, because reading ended there."""
_UNSHOWN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass
class Remark:
    """An accepted oddity: the number of rows with it, and the first of them."""

    message: str
    count: int = 0
    rows: list[int] = field(default_factory=list)


class Findings:
    """Collects the problems and remarks of one file, however many rows have them."""

    def __init__(self, file: str, place: Callable[[int], tuple[str, int]] | None = None):
        """With several files, `place` returns the file that holds a row number, and the row's number there."""
        self.file = file
        self._place = place
        self.problems: list[Problem] = []
        self.n_problems = 0
        self.n_of_file = 0
        """Problems of the file as a whole, not of a row."""
        self.refused_rows: set[int] = set()
        self.unreadable_rows: set[int] = set()
        """Those of them with broken characters, which can be kept with � in their place."""
        self._remarks: dict[str, Remark] = {}
        self._last_rows: dict[str, int] = {}
        self._alike: Counter[tuple[str, str | None]] = Counter()

    def problem(
        self,
        message: str,
        *,
        row: int | None = None,
        field: str | None = None,
        remedy: str | None = None,
        reach: Reach = "row",
    ) -> None:
        """Note a problem that refuses the file; the first ones are kept, the rest counted."""
        self.add(Problem(message, file=self.file, row=row, field=field, remedy=remedy), reach)

    def add(self, problem: Problem, reach: Reach = "row") -> None:
        """Note a ready-made problem."""
        self.n_problems += 1
        if problem.row is None or reach == "file":
            self.n_of_file += 1
        if problem.row is not None:
            self.refused_rows.add(problem.row)
            if reach == "unreadable":
                self.unreadable_rows.add(problem.row)
            if self._place:
                file, row = self._place(problem.row)
                problem = replace(problem, file=file, row=row)
        if len(self.problems) == MAX_PROBLEMS:
            return
        alike = (problem.message, problem.field)
        self._alike[alike] += 1
        if self._alike[alike] <= MAX_ALIKE:
            field = problem.field and visible(problem.field)
            remedy = problem.remedy and visible(problem.remedy)
            self.problems.append(replace(problem, message=visible(problem.message), field=field, remedy=remedy))

    def remark(self, message: str, *, row: int | None = None) -> None:
        """Note an oddity; equal wordings become one remark, counted once per row."""
        message = visible(message)
        if message not in self._remarks and len(self._remarks) >= MAX_REMARKS:
            message = MORE_REMARKS
        remark = self._remarks.setdefault(message, Remark(message))
        if row is not None:
            if self._last_rows.get(message) == row:
                return
            self._last_rows[message] = row
            if len(remark.rows) < MAX_ROWS_NAMED:
                remark.rows.append(row)
        remark.count += 1

    def remark_rows(self, message: str, rows: list[int]) -> None:
        """Note an oddity of all these rows at once."""
        self._remarks[message] = Remark(message, len(rows), rows[:MAX_ROWS_NAMED])

    @property
    def remarks(self) -> list[Remark]:
        """The oddities in the order of their discovery."""
        return list(self._remarks.values())

    def listed(self) -> list[Problem]:
        """The kept problems, and the number of further ones."""
        more = self.n_problems - len(self.problems)
        words = "1 more problem" if more == 1 else f"{more:,} more problems"
        return [*self.problems, *([Problem(f"there are {words} of these kinds.", file=self.file)] if more else [])]

    def refuse(self) -> None:
        """Raise `BadInput` with every problem found; do nothing without problems."""
        if self.problems:
            raise BadInput(*self.listed())


def visible(text: str) -> str:
    """A message that may quote a file, shortened, with control characters and lone surrogates spelled out."""
    short = text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}…"
    return _UNSHOWN.sub(lambda found: found.group().encode("unicode_escape").decode(), short)


def refusal(file: str, message: str, *, row: int | None = None, remedy: str | None = None) -> BadInput:
    """The error for a file that can't be read at all."""
    return BadInput(Problem(message, file=file, row=row, remedy=remedy))
