"""A dataset's rows on disk: Parquet, the same bytes for the same rows, mapping and split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from templates.spec import RowShape

BATCH_ROWS = 2_000
MIN_HELD_OUT = 50
MANY_ROWS = 200
"""From so many rows on, at least `MIN_HELD_OUT` are held out: fewer can hardly show a difference."""
_MESSAGE = ("role", "content", "reasoning_content", "tool_calls", "tool_call_id", "name")
_TYPES = {
    "text": pa.string(),
    "messages": pa.list_(pa.struct([(key, pa.string()) for key in _MESSAGE])),
    "tools": pa.string(),
}
"""Tool calls and tools are JSON texts: arguments and schemas have other keys in every row."""


def fingerprint(row: Mapping[str, Any]) -> bytes:
    """A short hash of a row's content: equal rows have equal ones."""
    return hashlib.blake2b(json.dumps(row, sort_keys=True, ensure_ascii=False).encode(), digest_size=16).digest()


def n_held_out(n_rows: int, share: float) -> int:
    """How many of the rows are held out: their share, at least 50 of 200 or more, at least one."""
    least = MIN_HELD_OUT if n_rows >= MANY_ROWS else 1
    return min(n_rows - 1, max(least, round(n_rows * share)))


def split(fingerprints: list[bytes], seed: int, share: float) -> list[bool]:
    """For each row, whether it is held out: drawn by seed and content, so that equal rows stay together."""
    key = seed.to_bytes(8, "big", signed=True)
    drawn = sorted(
        range(len(fingerprints)), key=lambda i: (hashlib.blake2b(key + fingerprints[i], digest_size=16).digest(), i)
    )
    chosen = set(drawn[: n_held_out(len(fingerprints), share)])
    return [i in chosen for i in range(len(fingerprints))]


def write(path: Path, shape: RowShape, rows: Iterable[tuple[int, Mapping[str, Any]]], held_out: list[bool]) -> None:
    """Write numbered rows with their side of the split."""
    import pyarrow.parquet as pq  # needed late: the web process starts faster and smaller without it

    schema = pa.schema(
        [
            *(pa.field(f.name, _TYPES[f.kind], nullable=not f.required) for f in shape.fields),
            pa.field("held_out", pa.bool_(), nullable=False),
            pa.field("source_row", pa.int64(), nullable=False),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd", version="2.6", write_page_checksum=True) as writer:
        batch: list[dict[str, Any]] = []
        for (number, row), held in zip(rows, held_out, strict=True):
            batch.append({**_packed(row, shape), "held_out": held, "source_row": number})
            if len(batch) == BATCH_ROWS:
                writer.write_table(pa.Table.from_pylist(batch, schema))
                batch = []
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, schema))


def read(path: Path, held_out: bool | None = None) -> list[dict[str, Any]]:
    """The rows in the order of the source; only one side of the split if `held_out` says which.

    Tools and calls of tools are objects, as OpenAI writes them. A column of tools without any is left out.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    if "tools" in table.column_names and table["tools"].null_count == len(table):
        table = table.drop_columns("tools")
    if held_out is not None:
        table = table.filter(pc.equal(table["held_out"], held_out))
    return [_unpacked(row) for row in table.to_pylist()]


def _packed(row: Mapping[str, Any], shape: RowShape) -> dict[str, Any]:
    """The row with JSON texts for what has no columns."""
    packed = dict(row)
    for field in shape.fields:
        value = row.get(field.name)
        if field.kind == "messages":
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
    if isinstance(row.get("messages"), list):
        row["messages"] = [_unpacked_turn(turn) for turn in row["messages"]]
    if row.get("tools"):
        row["tools"] = json.loads(row["tools"])
    return row


def _unpacked_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in turn.items() if value is not None or key in ("role", "content")}
    return {**kept, "tool_calls": json.loads(kept["tool_calls"])} if "tool_calls" in kept else kept
