"""Files that must be refused, each with what the refusal has to say; doors and pages are tested with six of them."""

from __future__ import annotations

import io
import json
import random
from functools import cache

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.storage.data.intake.bad_documents import BAD_DOCUMENTS
from tests.storage.data.intake.bad_file import BadFile

GOOD_CSV = "text,label\n" + "".join(f"message number {i},{'spam' if i % 2 else 'ham'}\n" for i in range(20))


def _jsonl(*rows: object) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _pair(i: int) -> dict[str, str]:
    return {"prompt": f"question {i}", "completion": f"answer {i}"}


def _chat(*turns: tuple[str, object]) -> dict[str, object]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


GOOD_CHAT = _chat(("user", "hello"), ("assistant", "good day"))


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


@cache
def _good_parquet() -> bytes:
    texts = [random.Random(i).randbytes(40).hex() for i in range(500)]
    return _parquet(pa.table({"text": texts, "label": ["a", "b"] * 250}))


def _corrupt_pages() -> bytes:
    data = bytearray(_good_parquet())
    data[200:3000] = random.Random(0).randbytes(2800)
    return bytes(data)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def million_columns() -> bytes:
    """A Parquet file whose footer (Thrift compact protocol, written by hand) lists 10^6 columns."""
    n_columns = 1_000_000
    root = b"\x48\x06schema" + b"\x15" + _varint(n_columns * 2) + b"\x00"
    column = b"\x15\x02\x25\x02\x18\x01c\x00"  # type int64, optional, name "c"
    schema = b"\xfc" + _varint(n_columns + 1) + root + column * n_columns
    footer = b"\x15\x02\x19" + schema + b"\x16\x00\x19\x0c\x00"
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _wide_parquet() -> bytes:
    return _parquet(pa.table({f"c{i}": ["x", "y"] for i in range(1_200)}))


def _far_off(zone: str | None = None) -> pa.Table:
    """Times of the year 35 million, which Python has no value for, or of a zone that it does not know."""
    times = pa.array([0, 0, 0 if zone else 2**50], pa.int64()).cast(pa.timestamp("s", zone))
    return pa.table({"text": ["a", "b", "c"], "when": times})


def _twice_inside() -> pa.Table:
    numbers = pa.array([1, 2, 3])
    return pa.table({"text": ["a", "b", "c"], "parts": pa.StructArray.from_arrays([numbers, numbers], ["n", "n"])})


PNG = b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(500)
HALF = '{"prompt": "a", "completion": "b \\ud800"}\n'
DEEP = "[" * 100_000 + "]" * 100_000

BAD_FILES: list[BadFile] = [
    BadFile("B1-empty", "empty.csv", b"", ("is empty",)),
    BadFile("B1-blanks", "blanks.csv", b" \n\n \n", ("only whitespace",)),
    BadFile("B2-header-only", "header.csv", b"text,label\n", ("no rows",)),
    BadFile("B3-one-row", "one.csv", b"text,label\nhello,greeting\n", ("only 1 row", "at least 2")),
    BadFile("B3-one-row-jsonl", "one.jsonl", _jsonl(_pair(1)), ("only 1 row",)),
    BadFile("B6-truncated", "cut.jsonl", _jsonl(*map(_pair, range(9)))[:-12], ("row 9", "cut short")),
    BadFile("B6-truncated-list", "cut.json", json.dumps([_pair(i) for i in range(9)])[:-20].encode(), ("row 9",)),
    BadFile("B7-png", "picture.jsonl", PNG, ("PNG picture",)),
    BadFile("B7-binary", "noise.csv", random.Random(2).randbytes(5_000), ("not a text file",)),
    BadFile("B9-utf16-odd", "wide.csv", GOOD_CSV.encode("utf-16") + b"x", ("UTF-16", "can't be read", "UTF-8")),
    BadFile(
        "B11-mixed",
        "mixed.csv",
        b"text,label\n" + "café,a\n".encode() * 30 + "café,a\n".encode("latin-1") * 30,
        ("mixes encodings", "row 32"),
    ),
    BadFile("B12-nul", "nul.csv", GOOD_CSV.encode() + b"bad\x00text,ham\n", ("row 22", "“text”", "NUL")),
    BadFile(
        "B14-long-line", "long.jsonl", lambda: b'{"text": "' + b"x" * 50_000_000 + b'"}\n', ("row 1", "longer than")
    ),
    BadFile("B14-long-line-text", "long.txt", lambda: b"x" * 50_000_000, ("row 1", "longer than")),
    BadFile("B15-gzip", "data.csv", b"\x1f\x8b\x08\x00" + bytes(50), ("gzip archive",)),
    BadFile("B16-zip", "data.json", b"PK\x03\x04" + bytes(50), ("zip archive",)),
    BadFile("B17-pickle", "rows.jsonl", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00", ("pickle",)),
    BadFile("B18-safetensors", "rows.csv", (2**63).to_bytes(8, "little") + b'{"a":1}', ("safetensors",)),
    BadFile("B19-garbage", "rows.parquet", b"PAR1" + random.Random(3).randbytes(4_000) + b"PAR1", ("damaged",)),
    BadFile("B19-pages", "pages.parquet", _corrupt_pages, ("damaged",)),
    BadFile("B19-truncated", "half.parquet", lambda: _good_parquet()[:900], ("damaged",)),
    BadFile("B19-year", "late.parquet", lambda: _parquet(_far_off()), ("row 3", "“when”", "can't be read", "as text")),
    BadFile("B19-zone", "zone.parquet", lambda: _parquet(_far_off("Mars/Base")), ("row 1", "“when”", "Mars/Base")),
    BadFile("B19-keys", "keys.parquet", lambda: _parquet(_twice_inside()), ("row 1", "“parts”", "duplicate")),
    BadFile("B19-not-parquet", "rows.parquet", GOOD_CSV.encode(), ("not a Parquet file",)),
    BadFile("B20-million-columns", "wide.parquet", million_columns, ("columns", "footer")),
    BadFile("B20-many-columns", "wide.parquet", _wide_parquet, ("1,200 columns",)),
    BadFile(
        "B20-many-columns-csv",
        "wide.csv",
        (",".join(f"c{i}" for i in range(5_000)) + "\n").encode(),
        ("5,000 columns",),
    ),
    BadFile("B22-deep", "deep.json", DEEP.encode(), ("row 1", "nested")),
    BadFile("B22-deep-line", "deep.jsonl", b'{"text": "a"}\n{"text": ' + DEEP.encode() + b"}\n", ("row 2", "nested")),
    BadFile(
        "B23-nan",
        "nan.jsonl",
        b'{"text": "a"}\n{"text": NaN}\n{"text": -Infinity}\n',
        ("row 2", "NaN", "row 3", "-Infinity"),
    ),
    BadFile("B24-twice", "twice.jsonl", b'{"text": "a"}\n{"text": "b", "text": "c"}\n', ("row 2", "“text”", "twice")),
    BadFile("B24-header", "twice.csv", b"text,text\na,b\nc,d\n", ("row 1", "“text”", "more than one column")),
    BadFile("B25-surrogate", "half.jsonl", _jsonl(_pair(1)) + HALF.encode(), ("row 2", "“completion”", "\\ud800")),
    BadFile("control-name", "names.jsonl", b'{"a\\u001b[31m": 4.5}\n' * 3, ("choose a column for", "a\\x1b[31m")),
    BadFile(
        "B26-digits", "digits.jsonl", b'{"text": "a"}\n{"text": ' + b"9" * 5_000 + b"}\n", ("row 2", "5,000 digits")
    ),
    BadFile(
        "B28-ragged",
        "ragged.csv",
        GOOD_CSV.encode() + b"one, two, three\nlonely\n",
        ("row 22", "3 fields", "row 23", "1 field", "“label”"),
    ),
    BadFile("B29-quote", "quote.csv", GOOD_CSV.encode() + b'"never closed,ham\nx,y\n', ("row 22", "quotes")),
    BadFile(
        "B30-field",
        "field.csv",
        GOOD_CSV.encode() + b"x" * 1_500_000 + b",ham\n",
        ("row 22", "“text”", "1,500,000 characters"),
    ),
    BadFile(
        "B31-delimiter",
        "odd.csv",
        GOOD_CSV.replace(",", "^").encode(),
        ("row 1", "no delimiter was found", "text^label"),
    ),
    BadFile(
        "B32-columns",
        "names.csv",
        b"a,b,c\n" + b"1.5,red x,2\n7.5,blue,3\n9.5,green,3\n" * 5,
        ("choose a column for", "a, b, c"),
    ),
    BadFile(
        "B33-text",
        "chat.jsonl",
        _jsonl(GOOD_CHAT, {"messages": "hello"}, GOOD_CHAT),
        ("row 2", "“messages”", "a text, not a list"),
    ),
    BadFile(
        "B34-role",
        "role.jsonl",
        _jsonl(GOOD_CHAT, _chat(("wizard", "a"), ("assistant", "b"))),
        ("row 2", "messages[0].role", "wizard"),
    ),
    BadFile("B34-no-answer", "open.jsonl", _jsonl(GOOD_CHAT, _chat(("user", "a"))), ("row 2", "no assistant turn")),
    BadFile(
        "B34-ends",
        "ends.jsonl",
        _jsonl(GOOD_CHAT, _chat(("assistant", "a"), ("user", "b"))),
        ("row 2", "ends with the user's turn"),
    ),
    BadFile(
        "B34-empty",
        "blank.jsonl",
        _jsonl(GOOD_CHAT, _chat(("user", " "), ("assistant", "b"))),
        ("row 2", "messages[0].content", "empty"),
    ),
    BadFile("B34-no-messages", "none.jsonl", _jsonl(GOOD_CHAT, {"messages": []}), ("row 2", "empty list")),
    BadFile(
        "B35-null",
        "null.jsonl",
        _jsonl(_pair(1), {"prompt": None, "completion": "b"}, _pair(3)),
        ("row 2", "“prompt”", "null"),
    ),
    BadFile(
        "B35-missing",
        "missing.jsonl",
        _jsonl(_pair(1), {"prompt": "a"}, _pair(3)),
        ("row 2", "“completion”", "missing"),
    ),
    BadFile(
        "B35-number",
        "number.jsonl",
        _jsonl(_pair(1), {"prompt": "a", "completion": 4.5}, _pair(3)),
        ("row 2", "“completion”", "a number (4.5)"),
    ),
    BadFile(
        "B35-message-null",
        "chatnull.jsonl",
        _jsonl(GOOD_CHAT, _chat(("user", "a"), ("assistant", None))),
        ("row 2", "messages[1].content", "null"),
    ),
    BadFile(
        "B12-nul-message",
        "nul.jsonl",
        _jsonl(GOOD_CHAT, _chat(("user", "a\x00"), ("assistant", "b"))),
        ("row 2", "messages[0].content", "NUL"),
    ),
    BadFile("empty-text", "gaps.csv", GOOD_CSV.encode() + b",ham\n", ("row 22", "“text”", "is empty")),
    BadFile("blank-label", "gaps.csv", GOOD_CSV.encode() + b"something,  \n", ("row 22", "“label”", "only whitespace")),
    BadFile("not-objects", "list.json", b'["a", "b"]', ("row 1", "a text, not an object")),
    BadFile("broken-json", "broken.json", b'[{"text": "a"}, {"text" "b"}]', ("row 2", "not valid JSON")),
    BadFile(
        "no-header", "bare.csv", b"I lost it,card\nwhere is it,card\nhow so,other\n", ("row 1", "seems to be data")
    ),
    *BAD_DOCUMENTS,
]

REPRESENTATIVE = ("B7-png", "B12-nul", "B19-pages", "B28-ragged", "control-name", "xlsx-title-row")
"""One each: known by its first bytes, by a row, by its process, by two rows at once, by its columns, by its sheets."""

AT_A_DOOR = [
    pytest.param(bad, id=bad.id, marks=() if bad.id in REPRESENTATIVE else pytest.mark.long) for bad in BAD_FILES
]
"""All of them for a door that only passes on what storage says: the six in every run, the others in the long one."""
