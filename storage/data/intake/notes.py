"""Notes: the rows that a reading process writes down, one line of JSON each, and the code that reads them back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, Any

import orjson

from storage.data.intake import unreadable
from storage.data.intake.findings import Findings, Reach, visible
from storage.data.intake.shown import is_plain, packed, unpacked
from storage.data.intake.source import Source, SourceRow, text_flaw
from storage.data.intake.strict_json import TOO_DEEP
from templates.errors import Problem

MAX_ROW_BYTES = 64_000_000
MAX_ROW_LISTS = 500_000
"""Limits for the bytes of a written row and the lists and objects in it: readers hold a whole row in memory."""
CHUNK_BYTES = 1024**2
_SPLIT_ROW = "Leave out columns that hold no text to learn from, or split the row."


class Notes(Findings):
    """Findings written down as they occur, with rows between them."""

    def __init__(self, file: str, sink: IO[bytes], too_long: str | None = None, *, source: Source | None = None):
        """`too_long` is the remedy for oversized texts, if it is not to split them into several rows.

        `source` says whether its texts may have broken characters, and whether � replaces them.
        """
        super().__init__(file)
        self._sink, self._too_long = sink, too_long
        self._is_doubtful = source is not None and (source.replaces or source.errors != "strict")
        self._replaces = source is not None and source.replaces

    def add(self, problem: Problem, reach: Reach = "row") -> None:
        super().add(problem, reach)
        self._tell("problem", problem.message, problem.row, problem.field, problem.remedy, reach)

    def remark(self, message: str, *, row: int | None = None) -> None:
        super().remark(message, row=row)
        self._tell("remark", message, row)

    def row(self, row: SourceRow) -> None:
        """Write a row, or what is wrong with one that can't be carried over."""
        try:
            legible = self._legible(row) if self._is_doubtful else row
            if legible is not None:
                self._write(legible)
        except RecursionError:
            message, remedy = TOO_DEEP
            self.problem(message, row=row.number, remedy=remedy)

    def _write(self, row: SourceRow) -> None:
        texts = ((name, value) for name, value in row.values.items() if isinstance(value, str))
        flaws = [(name, flaw) for name, text in texts if (flaw := text_flaw(text))]
        for name, (message, remedy) in flaws:
            self.problem(message, row=row.number, field=name, remedy=self._too_long or remedy)
        if flaws:  # a text beyond all measure would have to be carried over as one line
            return
        try:
            odd = {name: packed(value) for name, value in row.values.items() if not is_plain(value)}
            line = orjson.dumps(("row", row.number, {**row.values, **dict.fromkeys(odd)} if odd else row.values, odd))
        except orjson.JSONEncodeError as error:
            if "recursion" not in str(error).lower():
                raise
            raise RecursionError from error
        if len(line) > MAX_ROW_BYTES:
            message = f"holds more than {MAX_ROW_BYTES / 1e6:.0f} MB, the limit for a row."
            self.problem(message, row=row.number, remedy=_SPLIT_ROW)
        elif line.count(b"[") + line.count(b"{") > MAX_ROW_LISTS:
            message = f"holds more than {MAX_ROW_LISTS:,} lists and objects, the limit for a row."
            self.problem(message, row=row.number, remedy=_SPLIT_ROW)
        else:
            self._sink.write(line + b"\n")

    def _legible(self, row: SourceRow) -> SourceRow | None:
        """The row, if all of it is text; otherwise it is mended or, with a problem noted, left out."""
        broken = [name for name, value in row.values.items() if unreadable.is_in(name) or unreadable.is_in(value)]
        if not broken:
            return row
        if self._replaces:
            self.remark(unreadable.REPLACED, row=row.number)
            return SourceRow(row.number, unreadable.mended(row.values))
        for name in broken:
            message, remedy = unreadable.FLAW
            self.problem(message, row=row.number, field=name, remedy=remedy, reach="unreadable")
        return None

    def _tell(self, *values: Any) -> None:
        shown = [visible(value) if isinstance(value, str) else value for value in values]
        self._sink.write(orjson.dumps(shown) + b"\n")


def rows(file: IO[bytes], findings: Findings) -> Iterator[SourceRow]:
    """The rows that were written down; problems and remarks go into `findings`."""
    for kind, *values in _values(file):
        if kind == "row":
            number, columns, odd = values
            yield SourceRow(number, {**columns, **unpacked(odd)} if odd else columns)
        elif kind == "remark":
            findings.remark(values[0], row=values[1])
        else:
            message, row, field, remedy, reach = values
            findings.problem(message, row=row, field=field, remedy=remedy, reach=reach)


def _values(file: IO[bytes]) -> Iterator[list[Any]]:
    """The values in the file; others may read it at the same time."""
    place, begun = 0, [b""]
    while chunk := os.pread(file.fileno(), CHUNK_BYTES, place):
        place += len(chunk)
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for line in others:
            yield orjson.loads(b"".join(begun))
            begun = [line]
