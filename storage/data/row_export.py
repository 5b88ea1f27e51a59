"""Exports a dataset's rows as a file: JSON lines, CSV or Parquet.

Tool calls have OpenAI's form, with JSON texts for arguments; in Parquet, calls and tools are JSON texts.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from storage.data import datasets
from storage.models import Dataset
from templates.errors import BadInput, Problem

MEDIA = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
"""File formats and their media types."""
_CHUNK_BYTES = 1 << 20
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters that a spreadsheet takes for the start of a formula."""


def kind(wanted: str) -> str:
    """The file format with this name or ending. Raises `BadInput` for an unknown one."""
    found = wanted.lower().removeprefix(".")
    if found not in MEDIA:
        raise BadInput(Problem(f"“{wanted}” is not known.", field="format", remedy=f"Known: {', '.join(MEDIA)}."))
    return found


def write(dataset: Dataset, path: Path) -> None:
    """Write all rows to `path`, in the format of its ending.

    Raises `BadInput` for an unknown ending, for an existing file, and if writing fails.
    """
    made = chunks(dataset, kind(path.suffix))
    try:
        with path.open("xb") as file:
            file.writelines(made)
    except FileExistsError as error:
        raise BadInput(Problem("exists already.", file=str(path), remedy="Choose another name.")) from error
    except OSError as error:
        raise BadInput(Problem(f"can't be written: {error.strerror}.", file=str(path))) from error


def chunks(dataset: Dataset, kind: str) -> Iterator[bytes]:
    """The file in pieces; `kind` is one of `MEDIA`."""
    return {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}[kind](dataset)


def _parquet(dataset: Dataset) -> Iterator[bytes]:
    with datasets.file(dataset).open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece


def _jsonl(dataset: Dataset) -> Iterator[bytes]:
    for row in datasets.rows(dataset):
        yield f"{json.dumps(_as_openai(row), ensure_ascii=False)}\n".encode()


def _csv(dataset: Dataset) -> Iterator[bytes]:
    """Starts with a byte order mark; without it, Excel assumes its own old encoding."""
    rows = datasets.rows(dataset)
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\r\n")
    file.write("\ufeff")
    writer.writeheader()
    for row in rows:
        writer.writerow(_cells(row))
        yield file.getvalue().encode()
        file.seek(0)
        file.truncate()


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as JSON; a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    cells = {}
    for name, value in _as_openai(row).items():
        cell = json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
        cells[name] = f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
    return cells


def _as_openai(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with every call's arguments as JSON text."""
    return {name: list(map(_turn, value)) if isinstance(value, list) else value for name, value in row.items()}


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    if "tool_calls" not in turn:
        return dict(turn)
    return {**turn, "tool_calls": [{**call, "function": _function(call["function"])} for call in turn["tool_calls"]]}


def _function(function: Mapping[str, Any]) -> dict[str, Any]:
    return {**function, "arguments": json.dumps(function["arguments"], ensure_ascii=False)}
