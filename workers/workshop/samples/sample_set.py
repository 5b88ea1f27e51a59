"""Generates a set of sample data and writes its files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class SampleSet:
    """The generators of a set's files.

    A file of `workers/workshop/samples/sets/` exports one as `SPEC`; its name is the set's key in
    `templates/samples.toml`.
    """

    makers: Mapping[str, Callable[[], Rows]]
    """File name → its rows, the same in every process; those of a `.txt` file have one field, `text`."""
    key: str = ""
    page: str = ""

    def content(self, name: str) -> bytes:
        """Generate the file `name`: the same bytes on every machine."""
        return _WRITERS[Path(name).suffix](self.makers[name]()).encode("utf-8")


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


_WRITERS: Mapping[str, Callable[[Rows], str]] = {".csv": _csv, ".jsonl": _json_lines, ".txt": _passages}
