"""JSON lists read part by part say the same as read at once."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import progress
from storage.data.intake import isolate, json_text
from storage.data.intake.findings import Findings
from storage.data.intake.readers import json_list
from storage.data.intake.source import Source, SourceRow, text_flaw

WHOLE = 10**9
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
_written = st.builds(
    json.dumps,
    st.lists(st.dictionaries(st.text(max_size=4), _values, max_size=4), max_size=6),
    ensure_ascii=st.booleans(),
    indent=st.sampled_from([None, 0, 2, 20]),
)


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    """A list as it should be, cut short, or with a piece of it replaced by what does not belong there."""
    text = draw(_written)
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    odd = ["", ",", "]", "[]", "\\", '"', "\n\n", "NaN", "-", "1e999", "\\ud83d", "\x00", "}", '"a":1,"a":2', " " * 40]
    piece = draw(st.sampled_from(odd))
    return draw(st.sampled_from([text, text[:begin], text[:begin] + piece + text[end:], text + piece]))


def _read(path: Path, chunk_chars: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[Any], list[Any]]:
    monkeypatch.setattr(json_text, "CHUNK_CHARS", chunk_chars)
    findings = Findings("rows.json")
    rows = [
        (row.number, row.values) for row in json_list.read(Source(path, "rows.json", "json_list", "utf-8"), findings)
    ]
    return rows, findings.problems, findings.remarks


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_damaged(), chunk_chars=st.integers(1, 40))
def test_parts_of_any_size_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, chunk_chars: int
) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text, "utf-8")
    assert _read(path, chunk_chars, monkeypatch) == _read(path, WHOLE, monkeypatch)


@pytest.mark.parametrize("flaw", ['{"a": 1,}', '{"a": 00}', '{"a": "\\x"}', "{'a': 1}"])
def test_a_flaw_is_named_by_its_line_and_character_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flaw: str
) -> None:
    rows = ",\n ".join(['{"a": "some text"}'] * 50)
    path = tmp_path / "rows.json"
    path.write_text(f"[{rows},\n {flaw}, 7]")
    (problem,) = _read(path, 64, monkeypatch)[1]
    assert problem.row == 51
    assert "of line 51." in problem.message
    assert [problem] == _read(path, WHOLE, monkeypatch)[1]


ODD = [
    {
        "text": "é\u2028 \U0001f600",
        "n": 10**30,
        "m": -(2**63),
        "x": 0.1,
        "y": 1e300,
        "z": -0.0,
        "t": True,
        "none": None,
    },
    {"list": [1, [10**40, {"k": [2.5, "7", False]}], "listed"], "object": {"number": 1, "a": ["integer", "5"]}},
    {},
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ODD),
        json.dumps({"data": ODD, "version": 2}),
        json.dumps([*ODD, 7, "x", {"text": "NUL \x00"}, {"text": "long " * 300_000}]),
        '[{"a": 1}, {"a": 2, "a": 3}, {"a": 4}]',
        '[{"a": 1}, {"a": ',
        '[{"a": 1e999}]',
    ],
)
def test_it_is_read_the_same_in_a_process_of_its_own(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text, "utf-8")
    source = Source(path, "rows.json", "json_list", "utf-8")
    seen = []
    for read in (json_list.read, isolate.rows):
        findings = Findings("rows.json")
        rows = list(read(source, findings))
        flawed = {problem.row for problem in findings.problems} | {row.number for row in rows if _is_flawed(row)}
        fine = [(row.number, row.values, repr(row.values)) for row in rows if row.number not in flawed]
        seen.append((fine, flawed, findings.remarks))
    assert seen[0] == seen[1]


def _is_flawed(row: SourceRow) -> bool:
    return any(isinstance(value, str) and text_flaw(value) for value in row.values.values())


def test_values_nested_too_deep_to_be_carried_over_are_refused_by_their_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(f'[{{"a": "b"}}, {{"a": {"[" * 300}{"]" * 300}}}]')
    findings = Findings("rows.json")
    rows = list(isolate.rows(Source(path, "rows.json", "json_list", "utf-8"), findings))
    assert [row.number for row in rows] == [1]
    assert [(problem.row, problem.message) for problem in findings.problems] == [(2, "is nested far too deep.")]


@pytest.mark.parametrize(
    ("memory_bytes", "said"),
    [
        (4 * 1024**3, {"holds more than 500,000 lists and objects, the limit for a row."}),
        # what asks for more memory in vain may say so, or fall over
        pytest.param(
            450_000_000,
            {"needs more memory to read than the limit allows.", "can't be read: its reader crashed."},
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_list_that_swells_in_memory_is_refused_and_leaves_this_process_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory_bytes: int, said: set[str]
) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[{"a": "b"}, {"a": [' + ",".join(["[]"] * 4_000_000) + "]}]")
    monkeypatch.setattr(isolate, "MAX_MEMORY_BYTES", memory_bytes)
    findings = Findings("rows.json")
    tracemalloc.start()
    rows = list(isolate.rows(Source(path, "rows.json", "json_list", "utf-8"), findings))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(rows) <= 1
    assert {problem.message for problem in findings.problems} <= said
    assert findings.problems
    assert peak_bytes < 10_000_000


def test_what_is_in_memory_does_not_grow_with_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.json"
    row = json.dumps({"text": "é" * 1_000})
    path.write_text("[" + ",\n".join([row] * 10_000) + "]")
    findings = Findings("rows.json")
    tracemalloc.start()
    n_rows = sum(1 for _ in json_list.read(Source(path, "rows.json", "json_list", "utf-8"), findings))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (n_rows, findings.problems) == (10_000, [])
    assert path.stat().st_size > 60_000_000
    assert peak_bytes < 15_000_000


def test_how_far_it_is_is_told_while_another_process_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.json"
    path.write_text("[" + ",".join([json.dumps({"text": "word " * 100})] * 40_000) + "]")
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    told: list[float] = []
    with progress.told(lambda _, share: told.append(share or 0.0)), progress.step("Reading"):
        n_rows = sum(1 for _ in isolate.rows(Source(path, "rows.json", "json_list", "utf-8"), Findings("rows.json")))
    assert n_rows == 40_000
    assert len({share for share in told if 0 < share < 1}) >= 2
