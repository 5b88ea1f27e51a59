"""A dataset's rows on disk: Parquet, with the same bytes for the same rows, mapping and split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import RawIOBase
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh3_64_intdigest

from storage.data.splits import Sides
from templates.spec import RowShape

Documents = Sequence[tuple[int, int]]
"""The first and last row number (`source_row`) of each document, if the rows are parts of several documents."""
BATCH_ROWS = 4_000
_MESSAGE = ("role", "content", "reasoning_content", "tool_calls", "tool_call_id", "name")
_TURNS = pa.list_(pa.struct([(key, pa.string()) for key in _MESSAGE]))
_TYPES = {
    "text": pa.string(),
    "messages": _TURNS,
    "tools": pa.string(),
    "prompt": _TURNS,
    "answer": pa.string(),
    "boolean": pa.bool_(),
}
"""Tool calls and tools are JSON texts: the keys of arguments and schemas differ from row to row.

A system prompt has no column of its own: it is the first turn of the prompt.
"""
TURNS = frozenset(kind for kind, stored in _TYPES.items() if stored is _TURNS)
"""Kinds of fields that are stored as messages."""
_DOCUMENTS = b"documents"
_PLAIN = {
    "version": "2.6",
    "compression": "none",
    "use_dictionary": False,
    "write_statistics": False,
    "write_batch_size": BATCH_ROWS,
}


def schema(shape: RowShape) -> pa.Schema:
    """The schema of row batches: the shape's fields and `source_row`."""
    fields = [pa.field(f.name, _TYPES[f.kind], nullable=not f.required) for f in shape.fields if f.kind in _TYPES]
    return pa.schema([*fields, pa.field("source_row", pa.int64(), nullable=False)])


def label_field(shape: RowShape) -> str | None:
    """The field with labels, if there is one."""
    return [f.name for f in shape.fields if f.required][-1] if "label_accuracy" in shape.metrics else None


def labels(path: Path, shape: RowShape) -> list[str]:
    """The different labels of a dataset's training side, without surrounding blanks, sorted; none without labels."""
    import pyarrow.parquet as pq  # needed late: the web process starts faster and smaller without it

    field = label_field(shape)
    if field is None:
        return []
    table = pq.read_table(path, columns=[field, "held_out"])
    found = table.filter(pc.invert(table["held_out"]))[field].unique().to_pylist()
    return sorted({str(label).strip() for label in found})


def batches(shape: RowShape, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[pa.RecordBatch]:
    """Numbered rows, a few thousand at a time."""
    fields = schema(shape)
    numbered = ({**_packed(row, shape), "source_row": number} for number, row in rows)
    while part := list(islice(numbered, BATCH_ROWS)):
        yield pa.RecordBatch.from_pylist(part, fields)


def fingerprints(batch: pa.RecordBatch) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A hash of each row's content, without its number and side: `(rows,)`; equal rows have equal hashes."""
    names = sorted(set(batch.schema.names) - {"source_row", "held_out"})
    columns = [_bytes(batch.column(name)) for name in names]
    # no text contains a NUL character, so joining with it is unambiguous
    joined = pc.binary_join_element_wise(*columns, b"\x00", null_handling="replace", null_replacement=b"\x00")
    return np.fromiter(map(xxh3_64_intdigest, joined.to_pylist()), np.uint64, len(batch))


def _bytes(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type):
        return column.cast(pa.binary())
    written = (json.dumps(value, sort_keys=True, ensure_ascii=False) for value in column.to_pylist())
    return pa.array([text.encode() for text in written], pa.binary())


def write(
    target: Path | RawIOBase,
    shape: RowShape,
    rows: Iterable[pa.RecordBatch],
    held_out: Sequence[bool] | Sides,
    documents: Documents = (),
) -> None:
    """Write batches of rows with their side of the split, and the row numbers of each document.

    Uses no compression and nothing else that takes more time than it saves when reading; `DECISIONS.md` has
    the figures.
    """
    import pyarrow.parquet as pq  # needed late: the web process starts faster and smaller without it

    fields = schema(shape)
    whole = fields.insert(len(fields) - 1, pa.field("held_out", pa.bool_(), nullable=False))
    if documents:
        whole = whole.with_metadata({_DOCUMENTS: json.dumps([list(rows) for rows in documents])})
    sides = pa.array(held_out, pa.bool_())
    n_written = 0
    with pq.ParquetWriter(target, whole, **_PLAIN) as writer:
        for group in _even(rows):
            columns = [
                group[name] if name != "held_out" else sides[n_written : n_written + len(group)] for name in whole.names
            ]
            writer.write_table(pa.table(columns, schema=whole))
            n_written += len(group)
    if n_written != len(sides):
        raise ValueError(f"{n_written} rows, but {len(sides)} sides of the split")


def documents(path: Path) -> list[tuple[int, int]]:
    """The first and last row number of each document; empty if the rows don't come from several documents."""
    import pyarrow.parquet as pq

    found = (pq.read_schema(path).metadata or {}).get(_DOCUMENTS)
    return [(first, last) for first, last in json.loads(found)] if found else []


def _even(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The same rows in groups of one size, so that a file's bytes do not depend on how it was read."""
    waiting: list[pa.RecordBatch] = []
    n_waiting = 0
    for batch in rows:
        while n_waiting + len(batch) >= BATCH_ROWS:
            taken = BATCH_ROWS - n_waiting
            yield pa.Table.from_batches([*waiting, batch.slice(0, taken)])
            waiting, n_waiting, batch = [], 0, batch.slice(taken)
        if len(batch):
            waiting.append(batch)
            n_waiting += len(batch)
    if waiting:
        yield pa.Table.from_batches(waiting)


def read(path: Path, held_out: bool | None = None, most: int | None = None) -> list[dict[str, Any]]:
    """The rows in source order; `held_out` selects one side of the split, `most` the first ones."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    chosen = table if held_out is None else table.filter(pc.equal(table["held_out"], held_out))
    return plain(chosen.slice(0, most))


def page(path: Path, held_out: bool | None, offset: int, most: int) -> tuple[int, list[dict[str, Any]]]:
    """The number of rows of a side, and up to `most` of them after `offset`; reads only the groups they are in."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        sides = file.read(["held_out"])["held_out"]
        of_side = np.arange(len(sides)) if held_out is None else np.flatnonzero(sides.to_numpy() == held_out)
        places = of_side[offset : offset + most]
        ends = np.cumsum([file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)])
        groups = np.unique(np.searchsorted(ends, places, side="right"))
        starts = [0, *ends][groups[0]] if len(groups) else 0
        # the rows asked for lie between their first and last group, all of which are read
        table = file.read_row_groups(list(range(groups[0], groups[-1] + 1)) if len(groups) else [])
    return len(of_side), plain(table.take(places - starts))


def plain(rows: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """Stored rows in the shape's own form.

    Tools and tool calls are objects in OpenAI's form. A tools column without any tools is left out.
    """
    if "tools" in rows.schema.names and rows["tools"].null_count == len(rows):
        rows = rows.drop_columns("tools")
    return [_unpacked(row) for row in rows.to_pylist()]


def _packed(row: Mapping[str, Any], shape: RowShape) -> dict[str, Any]:
    """The row with JSON texts for values that don't fit columns."""
    packed = dict(row)
    for field in shape.fields:
        value = row.get(field.name)
        if field.kind in TURNS:
            packed[field.name] = [
                {**turn, "tool_calls": _json(turn["tool_calls"])} if "tool_calls" in turn else turn
                for turn in value or ()
            ]
        elif field.kind == "tools":
            packed[field.name] = _json(value) if value else None
    return packed


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _unpacked(row: dict[str, Any]) -> dict[str, Any]:
    for name in row.keys() & {"messages", "prompt"}:
        if isinstance(row[name], list):
            row[name] = [_unpacked_turn(turn) for turn in row[name]]
    if row.get("tools"):
        row["tools"] = json.loads(row["tools"])
    return row


def _unpacked_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in turn.items() if value is not None or key in ("role", "content")}
    return {**kept, "tool_calls": json.loads(kept["tool_calls"])} if "tool_calls" in kept else kept
