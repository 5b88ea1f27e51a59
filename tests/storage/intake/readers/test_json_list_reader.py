"""JSON lists read part by part say the same as read at once."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.intake import json_text
from storage.intake.findings import Findings
from storage.intake.readers import json_list
from storage.intake.source import Source

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
