"""A first look at a file: its format, its columns and whether every row can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from storage import progress
from storage.data.intake import formats, isolate, layouts
from storage.data.intake.bundles import Allowance, Bundle, Scratch
from storage.data.intake.findings import Findings, Reach, Remark, refusal
from storage.data.intake.headers import are_usual, usual_names
from storage.data.intake.readers import readers
from storage.data.intake.source import MAX_COLUMNS, MAX_ROWS, Source, SourceRow, text_flaw
from storage.data.intake.tally import MAX_DISTINCT, Column, Tally
from templates.errors import BadInput, Problem, refuse

if TYPE_CHECKING:
    from storage.data.intake.fast import Columns

MIN_ROWS = 2
SEVERAL_FILES = "several files"
"""The name of the zip format."""
N_NAMED = 10
"""Maximum number of files that a remark names."""
HEADER_CHECKED_ROWS = 10_000
WITH_HEADER = ("delimited", "workbook")
"""Formats whose first line may be data by mistake."""
WITH_LAYOUT = ("json_lines", "json_list", "parquet")
"""Formats whose items may hold rows; for others, reading the first item twice would be wasted."""


@dataclass(frozen=True)
class FileRows:
    """One of several files, and its range of row numbers."""

    name: str
    format: str
    n_rows: int
    first: int
    last: int


@dataclass(frozen=True)
class Look:
    """A readable file: its source and the contents of its columns."""

    source: Source
    format: str
    """The format's name, e.g. “JSON lines”."""
    encoding: str | None
    delimiter: str | None
    columns: list[Column]
    n_rows: int
    remarks: list[Remark]
    files: list[FileRows] = field(default_factory=list)
    """If there are several files: the rows of each."""
    n_unread: int = 0
    """Problems with single rows, which are not counted in `n_rows`; every further reading finds them again."""

    def column(self, name: str) -> Column | None:
        """The column of this name, if the file has it."""
        return next((column for column in self.columns if column.name == name), None)


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows of `source`; what is wrong with them goes into `findings`."""
    items = source.bundle.rows(read, findings) if source.bundle else isolate.rows(source, findings)
    return layouts.unfolded(source.layout, items, findings) if source.layout else items


def read_again(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The same, without remarks, which the first look has noted."""
    return read(source, _Problems(source.filename, findings))


class _Problems(Findings):
    """Passes on problems only."""

    def __init__(self, file: str, whole: Findings):
        super().__init__(file)
        self._whole = whole

    def add(self, problem: Problem, reach: Reach = "row") -> None:
        self._whole.add(problem, reach)


def look(path: Path, filename: str, scratch: Scratch | None = None, *, replaces: bool = False) -> Look:
    """Read a whole file once. Raises `BadInput` if it can't be read to its end, or hardly any row can.

    With `replaces`, broken characters become �. Several files are unpacked in the folder that `scratch` returns,
    or else in a temporary folder of the system.
    """
    if path.stat().st_size == 0:
        raise refusal(filename, "is empty.", remedy="Choose a file with data in it.")
    findings = Findings(filename)
    source = formats.find(path, filename, findings, scratch, replaces=replaces)
    return _at_several(source, source.bundle, findings) if source.bundle else _at_one(source, findings, MIN_ROWS)


def _at_one(source: Source, findings: Findings, min_rows: int) -> Look:
    source = _laid_out(source, findings)
    table = isolate.columns(source)
    columns, n_rows = _of_columns(table) if table else _of_rows(source, findings)
    _check_count(n_rows, min_rows, findings)
    if source.format == "delimited":
        _check_delimiter(columns, findings)
    if source.format in WITH_HEADER:
        _check_header(source, columns, findings)
    if findings.n_of_file or n_rows < min_rows:
        findings.refuse()
    title, n_unread = readers()[source.format].TITLE, findings.n_problems
    return Look(source, title, source.encoding, source.delimiter, columns, n_rows, findings.remarks, n_unread=n_unread)


def _at_several(source: Source, bundle: Bundle, findings: Findings) -> Look:
    """Read each file on its own, then the rows of all. Raises `BadInput` with the problems of all files."""
    looks, problems = [], []
    for number, (path, name) in enumerate(bundle.members, 1):
        try:
            with progress.step(f"Reading {name}, file {number} of {len(bundle.members)}"):
                looks.append(_at_member(path, name, bundle.allowance, source.replaces))
        except BadInput as error:
            problems += error.problems
            if bundle.allowance.is_spent:
                break
    refuse(problems)
    bundle.parts = [look.source for look in looks]
    unread = Findings(source.filename)
    columns, n_rows = _of_rows(source, unread)
    for problem in unread.problems if unread.n_of_file else ():
        findings.add(problem, "file")
    begins = [1, *(end + 1 for end in bundle.ends)]
    files = [
        FileRows(look.source.filename, look.format, look.n_rows, first, last)
        for look, first, last in zip(looks, begins, bundle.ends, strict=False)
    ]
    _check_count(n_rows, MIN_ROWS, findings)
    findings.refuse()
    _remark_several(looks, files, columns, findings)
    return Look(source, SEVERAL_FILES, None, None, columns, n_rows, findings.remarks, files, unread.n_problems)


def _at_member(path: Path, name: str, allowance: Allowance, replaces: bool) -> Look:
    if path.stat().st_size == 0:
        raise refusal(name, "is empty.", remedy="Leave it out, or choose a file with data in it.")
    findings = Findings(name)
    source = replace(formats.find(path, name, findings, replaces=replaces), allowance=allowance)
    return _at_one(source, findings, min_rows=1)


def _remark_several(looks: list[Look], files: list[FileRows], columns: list[Column], findings: Findings) -> None:
    """Note which rows belong to which file, which columns some files lack, and each file's oddities."""
    ranges = [f"“{file.name}” {file.first:,}–{file.last:,}" for file in files[:N_NAMED]]
    more = f" and so on, {len(files):,} files in all" if len(files) > N_NAMED else ""
    findings.remark(f"Rows are numbered across the files: {', '.join(ranges)}{more}.")
    for column in columns:
        without = [look.source.filename for look in looks if look.column(column.name) is None]
        if without:
            among = ", ".join(f"“{name}”" for name in without[:N_NAMED])
            findings.remark(f"The column “{column.name}” is missing in {among}.")
    for look in looks:
        for remark in look.remarks:
            findings.remark(f"{look.source.filename}: {remark.message}")


def _of_columns(table: Columns) -> tuple[list[Column], int]:
    tallies = [Tally(name) for name in table.names]
    for batch in table.batches():
        for tally, values in zip(tallies, batch.columns[1:], strict=True):
            tally.add_all(values)
    return [tally.finish(table.n_rows) for tally in tallies], table.n_rows


def _of_rows(source: Source, findings: Findings) -> tuple[list[Column], int]:
    tallies: dict[str, Tally] = {}
    n_rows = 0
    for row in read(source, findings):
        n_rows += 1
        for name, value in row.values.items():
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = Tally(name)
            tally.add(value)
            flaw = text_flaw(value) if isinstance(value, str) else None
            if flaw:
                findings.problem(flaw[0], row=row.number, field=name, remedy=flaw[1], reach="file")
        if len(tallies) > MAX_COLUMNS:
            said = f"the rows have more than {MAX_COLUMNS:,} different columns."
            findings.problem(said, row=row.number, reach="file")
            break
        if n_rows > MAX_ROWS:
            said = f"has more than {MAX_ROWS:,} rows."
            findings.problem(said, row=row.number, remedy="Send fewer rows.", reach="file")
            break
    return [tally.finish(n_rows) for tally in tallies.values()], n_rows


def _laid_out(source: Source, findings: Findings) -> Source:
    """The source with the layout of its first item. Raises `BadInput` for a file with problems in place of rows."""
    if source.format not in WITH_LAYOUT or isolate.columns(source):  # that format has no place for lists and objects
        return source
    noted = Findings(source.filename)
    first = next(read(source, noted), None)
    if first is None:
        noted.refuse()  # the findings are complete; reading again would repeat them
    key = layouts.find(first.values) if first else None
    if key is None:
        return source
    findings.remark(layouts.layouts()[key].says)
    return replace(source, layout=key)


def _check_count(n_rows: int, min_rows: int, findings: Findings) -> None:
    if findings.problems or n_rows >= min_rows:
        return
    if n_rows == 0:
        findings.problem("has no rows, or only column names.", remedy="Add rows with data.")
    else:
        findings.problem(
            "has only 1 row.",
            remedy="You need at least 2: one to learn from and one to test with. A few dozen are a useful minimum.",
        )


def _check_delimiter(columns: list[Column], findings: Findings) -> None:
    """A single column whose name spells several known ones is a table with an unknown delimiter."""
    parts = re.split(r"[^\w ]+", columns[0].name.lower()) if len(columns) == 1 else []
    if len(usual_names() & {part.strip() for part in parts}) > 1:
        findings.problem(
            f"no delimiter was found in the line of column names “{columns[0].name[:60]}”.",
            row=1,
            remedy="Separate the columns by comma, tab, semicolon or vertical bar.",
            reach="file",
        )


def _check_header(source: Source, columns: list[Column], findings: Findings) -> None:
    """A first line without usual names whose cells reappear as values is data, and would be lost."""
    if are_usual([c.name for c in columns]):
        return
    candidates = {c.name for c in columns if c.kind == "text" and c.n_distinct < MAX_DISTINCT}
    rows = read(source, Findings(source.filename)) if candidates else ()
    for n_read, row in enumerate(rows):
        again = next((name for name in candidates if row.values.get(name) == name), None)
        if again is not None:
            findings.problem(
                f"the first line seems to be data: “{again[:60]}” is also a value in row {row.number}.",
                row=1 if source.format == "delimited" else None,  # a sheet may start further down
                remedy="Put a line with column names on top, e.g. text,label.",
                reach="file",
            )
        if again is not None or n_read > HEADER_CHECKED_ROWS:
            return
