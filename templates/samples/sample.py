"""What a set of sample data declares, and how its rows become a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "demo"
Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class SampleFile:
    """One file of a set; the ending of its name says its format: `.csv`, `.jsonl` or `.txt`."""

    name: str
    n_rows: int
    make: Callable[[], Rows]
    """The same rows in every process; those of a `.txt` file have one field, `text`."""

    @property
    def path(self) -> Path:
        """The file that ships with the product."""
        return FOLDER / self.name

    def content(self) -> str:
        """The file's text, made anew."""
        return _WRITERS[self.path.suffix](self.make())

    def write(self, path: Path) -> None:
        """Write it to `path`, byte for byte the same on every machine."""
        path.write_bytes(self.content().encode("utf-8"))


@dataclass(frozen=True)
class Sample:
    """A set of sample data.

    A file of `templates/samples/sets/` exports one as `SPEC`; its key is the file's name, and the first
    line of its docstring is what people read about it.
    """

    title: str
    shape: str
    """Key of the row shape of the first file. A set is on disk before its shape exists, and offered once it does."""
    files: tuple[SampleFile, ...]
    """The first becomes a dataset; the others lie beside it."""
    key: str = ""
    page: str = ""

    @property
    def file(self) -> SampleFile:
        """The file that becomes a dataset."""
        return self.files[0]

    @property
    def shows(self) -> str:
        """What the set demonstrates, in one line."""
        return self.page.splitlines()[0]


def _csv(rows: Rows) -> str:
    stream = io.StringIO()
    table = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return stream.getvalue()


def _json_lines(rows: Rows) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _passages(rows: Rows) -> str:
    return "\n\n".join(row["text"] for row in rows) + "\n"


_WRITERS: dict[str, Callable[[Rows], str]] = {".csv": _csv, ".jsonl": _json_lines, ".txt": _passages}
