"""Parquet: plain values, each in its row, and no more of them in memory than need be."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from storage.data.intake import Findings
from storage.data.intake.readers import parquet as reader
from storage.data.intake.source import Source
from tests.storage.data.intake.mutants.table_edits import parquet
from tests.storage.data.intake.readers.conftest import Extract


def test_values_of_all_kinds_stay_in_their_rows(extract: Extract) -> None:
    rows = [
        {
            "text": f"é {i}",
            "n": i or None,
            "when": datetime.date(2024, 1, 1),
            "price": Decimal("1.50"),
            "tags": ["a"] * i,
        }
        for i in range(3 * reader.BATCH_ROWS + 1)
    ]
    found = extract("rows.parquet", parquet(pa.Table.from_pylist(rows)))
    assert found.rows == rows
    assert found.numbers == list(range(1, len(rows) + 1))


def test_every_column_and_the_first_row_of_what_cannot_be_read_are_named(extract: Extract) -> None:
    days = pa.array([0] * 70 + [2**31 - 1], pa.int32()).cast(pa.date32())
    times = pa.array([0] * 70 + [2**50], pa.int64()).cast(pa.timestamp("s"))
    found = extract("late.parquet", parquet(pa.table({"text": ["a"] * 71, "day": days, "time": times})))
    assert found.refused.count("row 71, field “day”: holds values that can't be read") == 1
    assert found.refused.count("row 71, field “time”: holds values that can't be read") == 1


def test_a_long_text_in_every_row_is_not_held_for_all_rows_at_once(tmp_path: Path) -> None:
    n_rows, text = 400, "x" * 500_000
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * n_rows, pa.int32()), pa.array([text]))
    path = tmp_path / "rows.parquet"
    path.write_bytes(parquet(pa.table({"text": texts}), store_schema=False, compression="zstd"))
    assert path.stat().st_size < 5_000
    usual, counted = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counted)
    try:
        rows = reader.read(Source(path, "rows.parquet", "parquet"), Findings("rows.parquet"))
        assert sum(row.values["text"] == text for row in rows) == n_rows
    finally:
        pa.set_memory_pool(usual)
    assert counted.max_memory() < 120e6
