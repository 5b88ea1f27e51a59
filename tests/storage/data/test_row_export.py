"""A dataset leaves the studio as it came in, and never as a formula."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from storage.data import datasets, row_export, uploads
from storage.models import Dataset, User
from templates.errors import BadInput

ROWS = [
    {"prompt": "Sum of 1 and 2?", "completion": "=1+2"},
    {"prompt": "+49 30 1234", "completion": 'A "quoted", longer\nanswer'},
    {"prompt": "@cmd", "completion": "-2"},
    {"prompt": "你好", "completion": "ünï"},
]


@pytest.fixture
def sums(studio: User) -> Dataset:
    lines = "\n".join(json.dumps(row) for row in ROWS)
    return datasets.add(studio, uploads.save(studio, "sums.jsonl", io.BytesIO(lines.encode())), name="sums")


def texts(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: row[name] for name in ("prompt", "completion")} for row in rows]


def test_jsonl_and_parquet_hold_the_very_rows(sums: Dataset, tmp_path: Path) -> None:
    row_export.write(sums, tmp_path / "sums.jsonl")
    lines = (tmp_path / "sums.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == datasets.rows(sums)
    assert texts(datasets.rows(sums)) == ROWS
    row_export.write(sums, tmp_path / "sums.parquet")
    assert pq.read_table(tmp_path / "sums.parquet").to_pylist() == datasets.rows(sums)


def test_csv_opens_in_a_spreadsheet_and_runs_nothing(sums: Dataset, tmp_path: Path) -> None:
    row_export.write(sums, tmp_path / "sums.csv")
    with (tmp_path / "sums.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = texts(list(csv.DictReader(file)))
    assert rows[0]["completion"] == "'=1+2"
    assert rows[1] == {"prompt": "'+49 30 1234", "completion": ROWS[1]["completion"]}
    assert (rows[2]["prompt"], rows[2]["completion"]) == ("'@cmd", "'-2")
    assert rows[3] == ROWS[3]


def test_a_conversation_is_a_cell_of_json(studio: User) -> None:
    turns = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
    lines = "\n".join(json.dumps({"messages": turns, "id": i}) for i in range(3))
    made = datasets.add(studio, uploads.save(studio, "c.jsonl", io.BytesIO(lines.encode())), name="talk")
    text = b"".join(row_export.chunks(made, "csv")).decode("utf-8-sig")
    assert json.loads(next(csv.DictReader(io.StringIO(text, newline="")))["messages"]) == turns


def test_nothing_is_written_over_and_unknown_kinds_are_named(sums: Dataset, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        row_export.write(sums, tmp_path / "old.csv")
    assert (tmp_path / "old.csv").read_text() == "mine"
    with pytest.raises(BadInput, match=r"xlsx.*jsonl, csv, parquet"):
        row_export.write(sums, tmp_path / "new.xlsx")
    with pytest.raises(BadInput, match="can't be written"):
        row_export.write(sums, tmp_path / "none" / "new.csv")
    assert [path.name for path in tmp_path.glob("*.*") if path.suffix in (".csv", ".xlsx")] == ["old.csv"]
