"""Parquet is read in a process of its own, and nothing that is said or shown of it changes on the way."""

from __future__ import annotations

import datetime
import io
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.data import drafts, intake
from storage.data.intake import shown, strict_json
from storage.data.intake.looking import read
from storage.data.intake.tally import Tally, kind_of
from templates import registry
from templates.errors import BadInput
from tests.storage.data.intake.bad_files import GOOD_CHAT
from tests.storage.data.intake.mutants.table_edits import ODD_COLUMNS, parquet

Keep = Callable[..., Path]
BERLIN = datetime.timezone(datetime.timedelta(hours=1))
VALUES: tuple[Any, ...] = (
    *(datetime.date(2024, 2, 29), datetime.time(1, 2, 3), datetime.timedelta(0), Decimal("0.00"), b"", b"\xff\x00"),
    *(datetime.datetime(2024, 1, 1, tzinfo=BERLIN), uuid.UUID(int=7), ("key", {"n": 1}), (), {}, []),
    *([], [[]], ["shown", "x"], {"listed": ["shown"]}, {"a": [datetime.date(2024, 1, 1), ("b", None)]}),
    *(float("nan"), float("-inf"), 1e16, 0.1, -0.0, 2**63 + 1, True, None, "", "\x00", "é\u2028🙂"),
)
BOMB_LIMIT_BYTES = 1_200_000_000
LOOK = """
import sys
from pathlib import Path
from storage.data import intake
from storage.data.intake import isolate
from templates.errors import BadInput
from tests.storage.data.intake.mutants.reading import peak_mb
isolate.MAX_MEMORY_BYTES = int(sys.argv[2])
try:
    intake.look(Path(sys.argv[1]), "rows.parquet")
except BadInput as error:
    print(peak_mb(), error, sep="\\n")
"""


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    """`keep(table, **options)` writes a file."""

    def kept(table: pa.Table, **options: Any) -> Path:
        path = tmp_path / "content"
        path.write_bytes(parquet(table, **options))
        return path

    return kept


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_is_said_and_shown_as_it_was(value: Any) -> None:
    plain = shown.is_plain(value)
    written = orjson.loads(orjson.dumps(value if plain else shown.packed(value)))
    carried = written if plain else shown.unpacked(written)
    assert (repr(carried), str(carried), bool(carried)) == (repr(value), str(value), bool(value))
    assert strict_json.kind(carried) == strict_json.kind(value)
    assert kind_of(carried) == kind_of(value)


def test_rows_of_all_types_come_over_as_they_are_in_the_file(keep: Keep) -> None:
    columns: dict[str, pa.Array] = {"text": pa.array(["one", "two"])}
    for place, make in enumerate(ODD_COLUMNS):
        try:
            parquet(pa.table({"odd": make(2)}))
            make(2).to_pylist()
        except (ValueError, OverflowError, LookupError):
            continue  # refused, as the lists of bad files have it
        columns[f"odd {place}"] = make(2)
    assert len(columns) > 12
    path = keep(pa.table(columns))
    look = intake.look(path, "odd.parquet")
    values = pq.read_table(path).to_pylist()
    found = [row.values for row in read(look.source, intake.Findings("odd.parquet"))]
    assert list(map(repr, found)) == list(map(repr, values))
    for column in look.columns:
        tally = Tally(column.name)
        for row in values:
            tally.add(row[column.name])
        assert tally.finish(len(values)) == column


def test_a_date_where_text_is_needed_is_named_as_one(keep: Keep) -> None:
    look = intake.look(keep(pa.table({"text": [datetime.date(2024, 1, 1)] * 2, "more": ["a", "b"]})), "days.parquet")
    findings = intake.Findings("days.parquet")
    assert not list(intake.shaped(look, registry.shape("text"), {"text": "text"}, findings))
    assert "row 1, field “text”: holds a value of type date (2024-01-01) where text is needed" in str(
        findings.problems[0]
    )


def test_conversations_with_tools_and_dates_beside_them_are_recognised(keep: Keep) -> None:
    turns = [*GOOD_CHAT["messages"][:1], {"role": "assistant", "content": "good day"}]  # type: ignore[index]
    tool = {"type": "function", "function": {"name": "clock", "parameters": {"type": "object"}}}
    rows = [{"messages": turns, "tools": [tool], "at": datetime.datetime(2024, 1, n)} for n in (1, 2)]
    look = intake.look(keep(pa.Table.from_pylist(rows)), "chats.parquet")
    assert {column.name: column.kind for column in look.columns} == {
        "messages": "messages",
        "tools": "list",
        "at": "other",
    }
    assert intake.guess(look).mapping == {"messages": "messages", "tools": "tools"}


@pytest.mark.parametrize("value", [datetime.date(2024, 1, 1), float("nan"), b"x"], ids=repr)
def test_arguments_and_tools_that_no_json_holds_are_refused_by_their_place(keep: Keep, value: Any) -> None:
    function = {"name": "f", "arguments": {"x": [value]}}
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [function]}]
    tools = [{"name": "f", "parameters": {"x": value}}]
    look = intake.look(keep(pa.Table.from_pylist([{"messages": turns, "tools": tools}] * 2)), "calls.parquet")
    findings = intake.Findings("calls.parquet")
    mapping = {"messages": "messages", "tools": "tools"}
    assert not list(intake.shaped(look, registry.shape("messages"), mapping, findings))
    assert [(problem.row, problem.field) for problem in findings.problems] == [
        (row, field) for row in (1, 2) for field in ("messages[1].tool_calls[0].arguments", "tools[0]")
    ]
    assert {problem.message for problem in findings.problems} == {
        "contains values that JSON can't express, such as dates."
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\x00b", "row 2, field “text”: holds a NUL character, which is not text. Remove it, or the row."),
        ("x" * 1_000_001, "row 2, field “text”: is 1,000,001 characters long; the limit is 1,000,000."),
    ],
    ids=["NUL", "long"],
)
def test_texts_that_are_unusable_are_told_by_row_and_field(keep: Keep, text: str, says: str) -> None:
    look = intake.look(keep(pa.table({"text": ["fine", text, "fine"]})), "rows.parquet")
    draft = drafts.check(look, shape=None, mapping=None)
    (problem,) = draft.findings.problems
    assert says in str(problem)
    assert "Split it into several rows" in str(problem) or "\x00" in text
    assert (look.n_unread, draft.n_refused, draft.goes_in_without_them) == (1, 1, True)


def test_a_row_beyond_all_measure_is_refused_by_its_number(keep: Keep) -> None:
    parts = pa.ListArray.from_arrays([0, 1, 81], pa.array(["x" * 900_000]).take(pa.array([0] * 81)))
    with pytest.raises(BadInput, match=r"“rows.parquet”, row 2: holds more than 64 MB, the limit for a row\."):
        intake.look(keep(pa.table({"text": ["a", "b"], "parts": parts})), "rows.parquet")


def test_a_small_file_that_swells_to_gigabytes_swells_another_process(keep: Keep) -> None:
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * 64, pa.int32()), pa.array(["x" * 40_000_000]))
    path = keep(pa.table({"text": texts}), store_schema=False, compression="zstd")
    assert path.stat().st_size < 20_000
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(path), str(BOMB_LIMIT_BYTES)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[4])},
        check=True,
    )
    peak_mb, said = done.stdout.split("\n", 1)
    assert said.startswith("“rows.parquet”: needs more memory to read than the limit allows. Split it")
    assert float(peak_mb) < 250


def test_rows_inside_the_items_are_read_in_the_same_process(runs: list[Any], keep: Keep) -> None:
    items = [{"instruction": f"Add {n}.", "instances": [{"input": "1 2", "output": "3"}] * n} for n in (1, 2)]
    look = intake.look(keep(pa.Table.from_pylist(items)), "tasks.parquet")
    assert (look.source.layout, look.n_rows, len(runs)) == ("instances", 3, 1)


def test_a_changed_file_is_read_anew(keep: Keep) -> None:
    for n_rows in (2, 3):
        assert intake.look(keep(pa.table({"text": ["a"] * n_rows})), "rows.parquet").n_rows == n_rows


def test_a_stream_that_is_cut_inside_a_page_is_damaged(tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["a", "b"] * 500}), sink, compression="zstd")
    data = bytearray(sink.getvalue())
    data[4:60] = bytes(56)
    (tmp_path / "content").write_bytes(data)
    with pytest.raises(BadInput, match=r"“rows.parquet”: is damaged or not usable Parquet"):
        intake.look(tmp_path / "content", "rows.parquet")
