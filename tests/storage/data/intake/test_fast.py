"""Large tables are read the fast way, and only where reading row by row would give the same."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.data import drafts, intake
from storage.data.intake import fast, isolate, reader_process
from storage.data.intake.readers import readers
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
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch, block_bytes: int = fast.BLOCK_BYTES
) -> tuple[Any, Any]:
    found = []
    for least in (NEVER, 0):
        isolate._remembered.cache_clear()  # the files of one test may have the same name, size and time
        with monkeypatch.context() as patch:
            patch.setattr(fast, "BLOCK_BYTES", block_bytes)
            patch.setattr(fast, "MIN_BYTES", least)
            patch.setattr(reader_process, "run", here.run)
            found.append(outcome(path, name))
    return found[0], found[1]


@pytest.mark.parametrize(
    ("table", "is_fast"),
    [
        ("subject,body,answer\n" + "s,b,a\ns, ,a\n,b,a\n" * 9, False),
        ("subject,body,answer\n" + "s,b,a\ns, ,a\ns,,a\n" * 9, True),
        ("subject,body,answer\n" + "s,,a\n" * 9, True),
        ("instruction,context,answer\n" + "i,,a\n" * 9 + "instruction,context,answer\n", False),
        ("subject,body,answer\n" + "s,b,a\n" * 9 + ' subject,body,"answer "\n', False),
        ("subject,body,answer\n" + "s,b,a\n" * 9 + "subject,body,b\n", True),
    ],
    ids=["some-empty", "one-full", "one-empty", "repeated", "repeated-spaces", "alike"],
)
def test_joined_columns_and_repeated_names_are_the_same_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, is_fast: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(table)
    one, other = both_ways(path, "t.csv", monkeypatch)
    assert one == other
    with monkeypatch.context() as patch:
        patch.setattr(fast, "MIN_BYTES", 0)
        patch.setattr(reader_process, "run", here.run)
        isolate._remembered.cache_clear()
        look = intake.look(path, "t.csv")
        draft = drafts.check(look, shape=None, mapping=None)
        assert draft.mapping["prompt"] in ("subject + body", "instruction + context")
        assert (intake.shaped_columns(look, draft.shape, draft.mapping) is not None) == is_fast


def check_rows(path: Path, format: str, patching: pytest.MonkeyPatch, block_bytes: int) -> bool:
    """Whether the file is read the fast way; then its reader must find the same rows, and nothing to say."""
    with patching.context() as patch:
        patch.setattr(fast, "BLOCK_BYTES", block_bytes)
        patch.setattr(fast, "MIN_BYTES", 0)
        table = here.columns(path, format)
    if table is None:
        return False
    findings = intake.Findings(path.name)
    source = Source(path, path.name, format, "utf-8", "," if format == "delimited" else None)
    expected = [(row.number, row.values) for row in readers()[format].read(source, findings)]
    missing = dict.fromkeys(table.names) if format == "json_lines" else {}
    assert [(row.number, row.values) for row in table.rows()] == [(n, {**missing, **row}) for n, row in expected]
    assert all(
        type(row.values[name]) is type(of.get(name))
        for row, (_, of) in zip(table.rows(), expected, strict=True)
        for name in table.names
    )
    assert (findings.problems, findings.remarks) == ([], [])
    return True


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fast")


@pytest.fixture(scope="module")
def patching() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


BLOCK_BYTES = st.sampled_from((1, 9, 64, fast.BLOCK_BYTES))
CELLS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)
QUOTED = st.lists(st.sampled_from(PIECES), max_size=4).map(lambda found: '"' + "".join(found).replace('"', '""') + '"')
WILD = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
ROWS = st.lists(st.tuples(st.one_of(CELLS, QUOTED), QUOTED).map(",".join), max_size=8)
TABLES = st.one_of(WILD, st.tuples(ROWS, st.sampled_from(("\n", "\r\n"))).map(lambda found: found[1].join(found[0])))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=TABLES,
    header=st.sampled_from(("prompt,completion", "text,label", 'a,"b,c"', "text", "a,a", "a,")),
    block_bytes=BLOCK_BYTES,
)
@example(rows='"a""b",c\n"d\ne",f\ng,h', header="prompt,completion", block_bytes=9)
@example(rows='5" pipe,b\nc,"d" e\n', header="prompt,completion", block_bytes=9)
@example(rows='""\n"x"\n', header="text", block_bytes=1)
@example(rows='a,b\r\n"c\r\n",\r\n,"d"\r\n', header="prompt,completion", block_bytes=9)
@example(rows="a\r\n\r\nb\n", header="text", block_bytes=9)
@example(rows='a,b\nc,"d\n"', header="prompt,completion", block_bytes=9)
@example(rows='"a,b\n"c,d\n', header="prompt,completion", block_bytes=64)
def test_a_table_is_the_same_both_ways(
    rows: str, header: str, block_bytes: int, place: Path, patching: pytest.MonkeyPatch
) -> None:
    path = place / "table"
    path.write_bytes(f"{header}\n{rows}".encode())
    check_rows(path, "delimited", patching, block_bytes)
    one, other = both_ways(path, "table.csv", patching, block_bytes)
    assert one == other


WRITTEN_CELLS = st.lists(st.sampled_from([piece for piece in PIECES if piece not in ("\r", "\x00")]), max_size=4)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(*[WRITTEN_CELLS.map("".join)] * 2), min_size=1, max_size=8),
    end=st.sampled_from(("\n", "\r\n")),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)),
    block_bytes=BLOCK_BYTES,
)
def test_a_table_as_programs_write_it_is_read_the_fast_way(
    cells: list[tuple[str, str]], end: str, quoting: Any, block_bytes: int, place: Path, patching: pytest.MonkeyPatch
) -> None:
    sink = io.StringIO()
    csv.writer(sink, lineterminator=end, quoting=quoting).writerows([("prompt", "completion"), *cells])
    path = place / "written"
    path.write_bytes(sink.getvalue().encode())
    assert check_rows(path, "delimited", patching, block_bytes)


LINES = st.one_of(
    st.dictionaries(st.sampled_from(("prompt", "completion", "n")), st.sampled_from(VALUES), max_size=3).map(
        json.dumps
    ),
    st.fixed_dictionaries({"prompt": st.text(max_size=5), "completion": st.text(max_size=5)}).map(json.dumps),
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(LINES, min_size=1, max_size=8),
    slips=st.lists(st.tuples(st.integers(0, 8), st.sampled_from(SLIPS)), max_size=1),
    end=st.sampled_from(("\n", "\r\n", "\r", "\n\n")),
    block_bytes=BLOCK_BYTES,
)
def test_json_lines_are_the_same_both_ways(
    lines: list[str],
    slips: list[tuple[int, str]],
    end: str,
    block_bytes: int,
    place: Path,
    patching: pytest.MonkeyPatch,
) -> None:
    for at, slip in slips:
        lines = [*lines[:at], slip, *lines[at:]]
    path = place / "lines"
    path.write_bytes(end.join(lines).encode())
    check_rows(path, "json_lines", patching, block_bytes)
    one, other = both_ways(path, "lines.jsonl", patching, block_bytes)
    assert one == other


TEXTS = st.lists(
    st.sampled_from(("a", '"', "\\", "\n", "\u3000", "é", "\U0001f600", "\x00", "\x1f", "u0000")), max_size=4
)
WRITTEN = st.sampled_from(((", ", ": "), (",", ":"), (" ,\t", " : ")))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    block_bytes=BLOCK_BYTES,
)
def test_lines_as_programs_write_them_are_read_the_fast_way(
    rows: list[tuple[str, ...]],
    keys: tuple[str, ...],
    others: tuple[int, ...],
    other_at: int,
    written: tuple[str, str],
    ascii_only: bool,
    slips: list[tuple[int, str]],
    end: str,
    ends_last: bool,
    block_bytes: int,
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
    path = place / "lines"
    path.write_bytes((end.join(lines) + end * ends_last).encode())
    is_odd = slips or others in ((1, 2**63), (1, True)) or b"\\u0000" in path.read_bytes()
    assert check_rows(path, "json_lines", patching, block_bytes) or is_odd


def large(n_rows: int) -> list[tuple[str, str]]:
    return [(f"question {i}: what is “{i % 7}”, and\nwhy?", f'"yes", {i}') for i in range(n_rows)]


def as_csv(rows: list[tuple[str, str]]) -> str:
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "prompt,completion\n" + "\n".join(quoted) + "\n"


def as_json_lines(rows: list[tuple[str, str]]) -> str:
    return "".join(json.dumps({"prompt": p, "completion": c, "n": i}) + "\n" for i, (p, c) in enumerate(rows))


@pytest.mark.parametrize(
    ("write", "name", "format"),
    [(as_csv, "t.csv", "delimited"), (as_json_lines, "t.jsonl", "json_lines")],
)
def test_large_clean_files_are_read_the_fast_way(
    write: Any, name: str, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.write_text(write(large(70_000)), "utf-8")
    assert path.stat().st_size > fast.MIN_BYTES
    source = intake.look(path, name).source
    assert source.format == format
    table = isolate.columns(source)
    assert table is not None
    assert table.n_rows == 70_000
    assert len(list(table.batches())) > 1
    one, other = both_ways(path, name, monkeypatch)
    assert one == other
    numbers = [row["source_row"] for row in other[-1][:3]]
    assert numbers == ([2, 4, 6] if format == "delimited" else [1, 2, 3])


CLEAN = {
    "delimited": 'prompt,completion\n"a ""b""\n",c\r\n,"d,"\n',
    "json_lines": '{"prompt": "a", "completion": "\\ud83d\\ude00\\n"}\n{"completion": null, "n": -0, "is": true}\n',
}
ODD = (
    *(("delimited", slip) for slip in ('a,"b\n', "one cell only\n", "\n", 'a,b"c"d"\n', "a,b\rc\n", '"x"y,c\n')),
    *(("delimited", slip) for slip in ('""a",b\n', 'a, "b"\n', "a,b,c\n", "a,\x00\n", " \n", "a,b\n\r\n")),
    *(("json_lines", f"{{{slip}}}\n") for slip in ('"x": 1', '"n": 1.0', '"n": true', '"n": 9223372036854775808')),
    *(("json_lines", f"{{{slip}}}\n") for slip in ('"n": NaN', '"n": 01', '"is": 1', '"prompt": 1', '"prompt": []')),
    *(("json_lines", f'{{"prompt": "{slip}"}}\n') for slip in ("\\u0000", "\\ud800", "\\udc00", "\\x", "\t")),
    *(("json_lines", slip) for slip in ("\n", " \n", "[]\n", '{"n": 1}{"n": 2}\n', '{"n": 1}{"n": 2}\n\n', "{}, \n")),
    *(
        ("json_lines", slip)
        for slip in ('{"n":\n1}\n', ' {"n": 1}\n', '{"n": 1, "n": 2}\n', '{"n": 1}\r', "\ufeff{}\n")
    ),
)


@pytest.mark.parametrize(("format", "slip"), ODD)
def test_an_odd_file_is_read_row_by_row(
    format: str, slip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ("t.csv" if format == "delimited" else "t.jsonl")
    monkeypatch.setattr(fast, "MIN_BYTES", 0)
    monkeypatch.setattr(fast, "N_FIRST", 2)
    path.write_bytes(CLEAN[format].encode())
    table = here.columns(path, format)
    assert table is not None
    assert [row.number for row in table.rows()] == ([2, 4] if format == "delimited" else [1, 2])
    path.write_bytes((CLEAN[format] + slip).encode())
    assert here.columns(path, format) is None
    one, other = both_ways(path, path.name, monkeypatch)
    assert one == other


@pytest.mark.parametrize(
    ("limit", "value"), [("ROW_BYTES", 30), ("MAX_CELL_CHARS", 40), ("MAX_ROWS", 2), ("MAX_COLUMNS", 1)]
)
@pytest.mark.parametrize("write", [as_csv, as_json_lines])
def test_a_file_beyond_a_limit_is_read_row_by_row(
    write: Any, limit: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t"
    path.write_text(write([("question", "answer")] * 2 + [("question " * 10, "answer")]), "utf-8")
    format = "delimited" if write is as_csv else "json_lines"
    for name in ("MIN_BYTES", "BLOCK_BYTES"):
        monkeypatch.setattr(fast, name, 1)
    assert here.columns(path, format)
    monkeypatch.setattr(fast, limit, value)
    assert here.columns(path, format) is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_another_encoding_is_read_row_by_row(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("text,label\n“é”,b\n“é”,c\n".encode(encoding))
    monkeypatch.setattr(fast, "MIN_BYTES", 0)
    look = intake.look(path, "t.csv")
    assert look.n_rows == 2
    assert isolate.columns(look.source) is None


def test_a_table_that_is_not_sound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label\na,b\nc,d\n")

    def run(reading: Any, sink: Any, said: Any, within_s: float) -> int:
        schema = pa.schema([("", pa.int64()), ("text", pa.string())])
        file = io.BytesIO()
        with pa.ipc.new_file(file, schema) as writer:
            writer.write_batch(pa.record_batch([pa.array([1, 2]), pa.array(["a" * 3_333, "b" * 4_444])], schema=schema))
        bounds = [np.array([3_333, end], np.int32).tobytes() for end in (7_777, 10**6)]
        assert file.getvalue().count(bounds[0]) == 1
        sink.write(file.getvalue().replace(*bounds))
        sink.flush()
        return 0

    monkeypatch.setattr(reader_process, "run", run)
    with pytest.raises(BadInput, match=r"“t.csv”: can't be read: its reader crashed"):
        intake.look(path, "t.csv")


def test_two_readers_at_once_have_places_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(as_csv(large(70_000)), "utf-8")
    table = isolate.columns(intake.look(path, "t.csv").source)
    assert table is not None
    kept = list(table.batches())
    assert sum(len(batch) for batch in kept) == table.n_rows
    for one, other, earlier in zip(table.batches(), table.batches(), kept, strict=True):
        assert one.equals(other)
        assert one.equals(earlier)


def test_an_odd_large_file_is_read_in_one_process(runs: list[float], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(as_csv(large(70_000)) + "\n", "utf-8")
    look = intake.look(path, "t.csv")
    assert [remark.message for remark in look.remarks] == ["Blank lines were skipped."]
    assert isolate.columns(look.source) is None
    assert len(runs) == 1
