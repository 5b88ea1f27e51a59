"""Large tables are read by columns, and only where reading row by row would give the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.data import drafts, intake
from storage.data.intake import apart, columnar, forked
from storage.data.intake.columnar import like_lines, parts
from storage.data.intake.columnar.columns import Abstained
from storage.data.intake.source import Source
from templates.errors import BadInput
from tests.storage.data.intake import here

NEVER = 2**62
PIECES = (
    "a",
    "b ",
    "é",
    "7",
    ",",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    "\t",
    " ",
    "\u3000",
    "\x1c",
    "\x85",
    "\u2028",
    "\x00",
)
VALUES = (
    "x",
    "",
    " ",
    "\u3000",
    "y z",
    7,
    -0,
    10**30,
    True,
    None,
    0.5,
    [],
    "\ud7ff",
    "\u0000",
    "2020-01-01",
    "\\u0000",
)
SLIPS = (
    '{"prompt": NaN, "completion": "b"}',
    "",
    " ",
    "[]",
    '{"prompt": "a", "prompt": "b"}',
    '{"a": "\\ud800"}',
    "{}{}",
)


def outcome(path: Path, name: str) -> tuple[Any, ...]:
    """All that a person would see of the file, and what would be stored."""
    try:
        look = intake.look(path, name)
    except BadInput as error:
        return tuple(error.problems)
    draft = drafts.check(look, shape=None, mapping=None, n_kept=5)
    rows = [row for batch in draft.batches() for row in batch.to_pylist()] if not draft.findings.problems else []
    seen = (look.columns, look.n_rows, look.remarks, draft.guess, draft.mapping, draft.findings.problems, draft.remarks)
    return (*seen, draft.rows, draft.labels, draft.fingerprints.tolist(), rows)


def both_ways(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch, part_bytes: int = parts.PART_BYTES
) -> tuple[Any, Any]:
    for kept in (columnar._read, apart._remembered):
        kept.cache_clear()  # the files of one test may have the same name, size and time
    found = []
    for least in (NEVER, 0):
        with monkeypatch.context() as patch:
            patch.setattr(parts, "PART_BYTES", part_bytes)
            patch.setattr(columnar, "MIN_BYTES", least)
            patch.setattr(forked, "run", here.run)
            found.append(outcome(path, name))
    return found[0], found[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columnar")


@pytest.fixture(scope="module")
def patching() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


PART_BYTES = st.sampled_from((1, 9, 64, parts.PART_BYTES))
CELLS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
QUOTED = st.lists(st.sampled_from(PIECES), max_size=4).map(lambda found: '"' + "".join(found).replace('"', '""') + '"')
WILD = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
ROWS = st.lists(st.tuples(st.one_of(CELLS, QUOTED), QUOTED).map(",".join), max_size=8)
TABLES = st.one_of(WILD, st.tuples(ROWS, st.sampled_from(("\n", "\r\n"))).map(lambda found: found[1].join(found[0])))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=TABLES,
    header=st.sampled_from(("prompt,completion", "text,label", 'a,"b,c"', "text", "a,a", "a,")),
    part_bytes=PART_BYTES,
)
@example(rows='"a""b",c\n"d\ne",f\ng,h', header="prompt,completion", part_bytes=9)
@example(rows='5" pipe,b\nc,"d" e\n', header="prompt,completion", part_bytes=9)
@example(rows='""\n"x"\n', header="text", part_bytes=1)
@example(rows='a,b\r\n"c\r\n",\r\n,"d"\r\n', header="prompt,completion", part_bytes=9)
@example(rows="a\r\n\r\nb\n", header="text", part_bytes=9)
@example(rows='a,b\nc,"d\n"', header="prompt,completion", part_bytes=9)
@example(rows='"a,b\n"c,d\n', header="prompt,completion", part_bytes=64)
def test_a_table_is_the_same_both_ways(
    rows: str, header: str, part_bytes: int, place: Path, patching: pytest.MonkeyPatch
) -> None:
    path = place / "table"
    path.write_bytes(f"{header}\n{rows}".encode())
    one, other = both_ways(path, "table.csv", patching, part_bytes)
    assert one == other


LINES = st.one_of(
    st.dictionaries(st.sampled_from(("prompt", "completion", "n")), st.sampled_from(VALUES), max_size=3).map(
        json.dumps
    ),
    st.fixed_dictionaries({"prompt": st.text(max_size=5), "completion": st.text(max_size=5)}).map(json.dumps),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINES, min_size=1, max_size=8),
    slips=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(SLIPS)), max_size=1),
    end=st.sampled_from(("\n", "\r\n", "\r", "\n\n")),
)
def test_json_lines_are_the_same_both_ways(
    lines: list[str], slips: list[tuple[int, str]], end: str, place: Path, patching: pytest.MonkeyPatch
) -> None:
    for at, slip in slips:
        lines = [*lines[:at], slip, *lines[at:]]
    path = place / "lines"
    path.write_bytes(end.join(lines).encode())
    one, other = both_ways(path, "lines.jsonl", patching)
    assert one == other


TEXTS = st.lists(
    st.sampled_from(("a", '"', "\\", "\n", "\u3000", "é", "\U0001f600", "\x00", "\x1f", "u0000")), max_size=4
)
WRITTEN = st.sampled_from(((", ", ": "), (",", ":"), (" ,\t", " : ")))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXTS.map("".join), TEXTS.map("".join)), min_size=1, max_size=8),
    keys=st.sampled_from((("prompt", "completion"), ("text",), ("text", 'la"bel\\'))),
    others=st.sampled_from(((), (7,), (True, False), (0, -5, 10**17), (10**18, 1), (1, 2**63), (1, True))),
    other_at=st.integers(0, 2),
    written=WRITTEN,
    ascii_only=st.booleans(),
    slips=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(SLIPS)), max_size=1),
    end=st.sampled_from(("\n", "\r\n")),
    ends_last=st.booleans(),
    part_bytes=PART_BYTES,
)
def test_lines_that_differ_in_their_values_are_the_same_both_ways(
    rows: list[tuple[str, ...]],
    keys: tuple[str, ...],
    others: tuple[int, ...],
    other_at: int,
    written: tuple[str, str],
    ascii_only: bool,
    slips: list[tuple[int, str]],
    end: str,
    ends_last: bool,
    part_bytes: int,
    place: Path,
    patching: pytest.MonkeyPatch,
) -> None:
    lines = []
    for number, row in enumerate(rows):
        cells: list[tuple[str, Any]] = [*zip(keys, row, strict=False)]
        cells[other_at:other_at] = [("n", others[number % len(others)])] if others else []
        lines.append(json.dumps(dict(cells), separators=written, ensure_ascii=ascii_only))
    for at, slip in slips:
        lines = [*lines[:at], slip, *lines[at:]]
    path = place / "like_lines"
    path.write_bytes((end.join(lines) + end * ends_last).encode())
    one, other = both_ways(path, "lines.jsonl", patching, part_bytes)
    assert one == other


def large(n_rows: int) -> list[tuple[str, str]]:
    return [(f"question {i}: what is “{i % 7}”, and\nwhy?", f'"yes", {i}') for i in range(n_rows)]


def as_csv(rows: list[tuple[str, str]]) -> str:
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "prompt,completion\n" + "\n".join(quoted) + "\n"


def as_json_lines(rows: list[tuple[str, str]]) -> str:
    return "".join(json.dumps({"prompt": p, "completion": c, "n": i}) + "\n" for i, (p, c) in enumerate(rows))


def as_like_lines(rows: list[tuple[str, str]]) -> str:
    return "".join(json.dumps({"prompt": p, "completion": c}) + "\n" for p, c in rows)


@pytest.mark.parametrize(
    ("write", "name", "format"),
    [
        (as_csv, "t.csv", "delimited"),
        (as_json_lines, "t.jsonl", "json_lines"),
        (as_like_lines, "t.jsonl", "json_lines"),
    ],
)
def test_large_clean_files_are_read_by_columns(
    write: Any, name: str, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text(write(large(70_000)), "utf-8")
    assert path.stat().st_size > columnar.MIN_BYTES
    source = intake.look(path, name).source
    assert source.format == format
    table = columnar.read(source)
    assert table is not None
    assert table.n_rows == 70_000
    assert len(list(table.batches())) > 1
    one, other = both_ways(path, name, monkeypatch)
    assert one == other
    numbers = [row["source_row"] for row in other[-1][:3]]
    assert numbers == ([2, 4, 6] if format == "delimited" else [1, 2, 3])


@pytest.mark.parametrize(
    "slip",
    [
        '{"prompt": "a", "completion": "b", "c": "d"}\n',
        '{"prompt": "a", "completion": null}\n',
        '{"completion": "a", "prompt": "b"}\n',
        '{"prompt": "a", "completion":  "b"}\n',
        '{"prompt": "a", "completion": "\\u0000"}\n',
        '{"prompt": "a", "completion": "\\ud800"}\n',
        '{"prompt": "a", "completion": "\\x"}\n',
        '{"prompt": "a", "completion": "\t"}\n',
        '{"prompt": "a", "completion": "b"}\r\n',
        '{"prompt": "a", "completion": "b"}, \n',
        "\n",
    ],
)
def test_lines_are_alike_only_while_all_are(slip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.jsonl"
    source = Source(path, "t.jsonl", "json_lines", "utf-8")
    for write in (as_json_lines, as_like_lines):
        path.write_text(write(large(50)), "utf-8", newline="")
        assert here.columns(like_lines.write, source).n_rows == 50
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(slip)
    with pytest.raises(Abstained):
        here.columns(like_lines.write, source)
    one, other = both_ways(path, "t.jsonl", monkeypatch)
    assert one == other


def test_two_readers_at_once_have_places_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(as_csv(large(70_000)), "utf-8")
    table = columnar.read(intake.look(path, "t.csv").source)
    assert table is not None
    kept = list(table.batches())
    assert sum(len(batch) for batch in kept) == table.n_rows
    for one, other, earlier in zip(table.batches(), table.batches(), kept, strict=True):
        assert one.equals(other)
        assert one.equals(earlier)


@pytest.mark.parametrize("slip", ['a,"b\n', "one cell only\n", "\n", 'a,b"c"d"\n', "a,b\rc\n"])
def test_an_odd_large_file_is_read_row_by_row(slip: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes((as_csv(large(70_000)) + slip).encode())
    assert columnar.read(Source(path, "t.csv", "delimited", "utf-8", ",")) is None
