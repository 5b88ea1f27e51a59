"""Changes of tables: of the cells between delimiters, and of typed columns in Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CELLS = (
    "", " ", '"', '""', '"a', 'a"', '"a"b', '"a""b"', '"a\nb"', '"a,b"', "a,b", ",", ",,", "\x00", "\x1f", "NULL", "NA",
    "=1+1", "007", "1,5", "\\", '\\"', "'", "\u2028", "\x85", "\x0c", "\r", "x" * 2_000, "\ufeff", "-", "é",
)  # fmt: skip


def changed_cell(data: bytes, draw: Random) -> bytes:
    """A cell replaced, dropped or added, by the plainest way to tell cells apart."""
    lines = data.decode("utf-8", "replace").split("\n")
    delimiter = max(",;\t|", key=lines[0].count)
    place = draw.randrange(len(lines))
    cells = lines[place].split(delimiter)
    column = draw.randrange(len(cells))
    how = draw.choice(("replace", "replace", "drop", "add", "swap", "other delimiter"))
    if how == "replace":
        cells[column] = draw.choice(CELLS)
    elif how == "drop":
        del cells[column]
    elif how == "add":
        cells.insert(column, draw.choice(CELLS))
    elif how == "swap":
        cells.reverse()
    joint = draw.choice(",;\t|") if how == "other delimiter" else delimiter
    lines[place] = joint.join(cells)
    return "\n".join(lines).encode()


ODD_COLUMNS: tuple[Callable[[int], pa.Array], ...] = (
    lambda n: pa.array([None] * n),
    lambda n: pa.array([b"\xff\x00"] * n, pa.binary()),
    lambda n: pa.array([Decimal("1.50")] * n),
    lambda n: pa.array([date(2024, 2, 29)] * n),
    lambda n: pa.array([2**31 - 1] * n, pa.int32()).cast(pa.date32()),
    lambda n: pa.array([2**50] * n, pa.int64()).cast(pa.timestamp("s")),
    lambda n: pa.array([-(2**62)] * n, pa.int64()).cast(pa.timestamp("us", "UTC")),
    lambda n: pa.array([2**62 + 1] * n, pa.int64()).cast(pa.timestamp("ns")),
    lambda n: pa.array([datetime(2024, 1, 1)] * n, pa.timestamp("us", "Mars/Olympus")),
    lambda n: pa.array([2**62] * n, pa.int64()).cast(pa.duration("s")),
    lambda n: pa.array([timedelta(days=1)] * n),
    lambda n: pa.array([time(1, 2, 3)] * n),
    lambda n: pa.array([float("nan"), float("inf")] * n).slice(0, n),
    lambda n: pa.array([[["deep"]]] * n),
    lambda n: pa.array([{"a": 1, "b": [None]}] * n),
    lambda n: pa.array([[("key", 1), ("key", 2)]] * n, pa.map_(pa.string(), pa.int64())),
    lambda n: pa.array([["a"], [], None] * n).slice(0, n),
    lambda n: pa.array(["one", "two"] * n).slice(0, n).dictionary_encode(),
    lambda n: pa.array(["x" * 5_000] * n, pa.large_string()),
    lambda n: pa.StructArray.from_arrays([pa.array([1] * n), pa.array([2] * n)], names=["a", "a"]),
    lambda n: pa.Array.from_buffers(
        pa.string(), n, [None, pa.array(range(n + 1), pa.int32()).buffers()[1], pa.py_buffer(b"\xff" * n)]
    ),
)
"""Columns that no text to learn from is in, some of which plain values can't hold."""


def changed_columns(data: bytes, draw: Random) -> bytes:
    """The table with a column dropped, renamed, or of another type, written in another way."""
    table = pq.read_table(io.BytesIO(data))
    how = draw.choice(("drop", "rename", "odd", "odd", "odd", "repeat", "rows"))
    place = draw.randrange(table.num_columns) if table.num_columns else 0
    if how == "drop" and table.num_columns:
        table = table.remove_column(place)
    elif how == "rename" and table.num_columns:
        table = table.rename_columns([draw.choice(("", "\x00", "é\n", "text")), *table.column_names[1:]])
    elif how == "repeat":
        table = pa.concat_tables([table] * draw.choice((2, 30)))
    elif how == "rows":
        table = table.slice(draw.randrange(table.num_rows + 1), draw.choice((0, 1, 5)))
    else:
        table = table.append_column(f"odd {draw.randrange(9)}", draw.choice(ODD_COLUMNS)(table.num_rows))
    return parquet(
        table,
        compression=draw.choice(("none", "snappy", "zstd", "gzip")),
        use_dictionary=draw.random() < 0.5,
        data_page_version=draw.choice(("1.0", "2.0")),
        write_page_checksum=draw.random() < 0.3,
    )


def parquet(table: pa.Table, **options: Any) -> bytes:
    """The table as a file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()
