"""What a program writes, the intake reads back: the same texts in the same columns, whatever the texts are."""

from __future__ import annotations

import csv
import html
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data.intake import Findings, formats
from storage.data.intake.readers import readers
from tests.storage.data.intake.made_documents import repacked, workbook
from tests.storage.data.intake.mutants import seeds
from tests.storage.data.intake.mutants.table_edits import parquet

EXAMPLES = settings(max_examples=40, deadline=None)
NO_SIGNS = ("Cc", "Cs", "Cn", "Co")
"""Control and half characters, and those that are none: no writer writes them, or no XML holds them."""
TEXTS = st.text(st.characters(exclude_categories=NO_SIGNS) | st.sampled_from("\t\n\r,;|\"'=<&_x0041_"), max_size=30)
FILLED = TEXTS.filter(lambda text: text.strip())
WORDS = st.text(st.characters(categories=("L", "N", "P", "Sc", "Sm", "So"), exclude_characters="[]{}#<"), min_size=1)
LINES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
TABLES = st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(TEXTS, min_size=n, max_size=n), min_size=2, max_size=6))
NAMES = ("text", "label", "n", "more")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))
OBJECTS = st.lists(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4), min_size=2, max_size=5)


def read_back(filename: str, data: bytes) -> list[dict[str, Any]]:
    """The rows of a file that has no problems."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "content"
        path.write_bytes(data)
        findings = Findings(filename)
        source = formats.find(path, filename, findings)
        rows = [row.values for row in readers()[source.format].read(source, findings)]
    assert findings.problems == []
    return rows


@EXAMPLES
@given(
    TABLES,
    st.sampled_from(",;\t|"),
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_tables_with_delimiters(cells: list[list[str]], delimiter: str, style: tuple[str, Any], encoding: str) -> None:
    sink = io.StringIO()
    names = NAMES[: len(cells[0])]
    end, quoting = style
    csv.writer(sink, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([names, *cells])
    rows = read_back("table.csv", sink.getvalue().encode(encoding))
    assert rows == [dict(zip(names, row, strict=True)) for row in cells]


@EXAMPLES
@given(OBJECTS, st.booleans())
def test_json_lines(objects: list[dict[str, Any]], ascii: bool) -> None:
    written = "".join(json.dumps(one, ensure_ascii=ascii) + "\n" for one in objects)
    assert repr(read_back("rows.jsonl", written.encode())) == repr(objects)


@EXAMPLES
@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_json_lists(objects: list[dict[str, Any]], ascii: bool, indent: int | None) -> None:
    written = json.dumps(objects, ensure_ascii=ascii, indent=indent)
    assert repr(read_back("rows.json", written.encode())) == repr(objects)


@EXAMPLES
@given(st.lists(st.tuples(TEXTS, st.none() | st.integers(-9, 9), st.floats(), st.booleans()), min_size=1))
def test_parquet(values: list[tuple[Any, ...]]) -> None:
    rows = [dict(zip(NAMES, row, strict=True)) for row in values]
    assert repr(read_back("rows.parquet", parquet(pa.Table.from_pylist(rows)))) == repr(rows)


@EXAMPLES
@given(st.lists(st.tuples(FILLED | st.just(""), FILLED, st.integers(-(10**14), 10**14), st.booleans()), min_size=1))
def test_workbooks(values: list[tuple[str, str, int, bool]]) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, NAMES)
        for place, (text, label, number, flag) in enumerate(values, start=1):
            sheet.write_string(place, 0, text)
            sheet.write_string(place, 1, label)
            sheet.write_number(place, 2, number)
            sheet.write_boolean(place, 3, flag)

    expected = [(text, label, str(number), str(flag).upper()) for text, label, number, flag in values]
    rows = read_back("data.xlsx", workbook({}, fill))
    assert [tuple(row.values()) for row in rows] == expected


@EXAMPLES
@given(st.lists(LINES, min_size=1, max_size=5))
def test_web_pages(lines: list[str]) -> None:
    page = "".join(f"<p>{html.escape(line)}</p>\n" for line in lines)
    assert [row["text"] for row in read_back("page.html", f"<html><body>{page}</body></html>".encode())] == lines


@EXAMPLES
@given(st.lists(LINES, min_size=1, max_size=5))
def test_word_documents(lines: list[str]) -> None:
    paragraphs = "".join(f"<w:p><w:r><w:t>{html.escape(line)}</w:t></w:r></w:p>" for line in lines)

    def written(document: bytes) -> bytes:
        head, _, rest = document.partition(b"<w:body>")
        return head + b"<w:body>" + paragraphs.encode() + b"</w:body></w:document>" if rest else document

    data = repacked(seeds.made("word")["letter.docx"], {"word/document.xml": written})
    assert [row["text"] for row in read_back("letter.docx", data)] == lines


@EXAMPLES
@given(st.lists(st.lists(LINES, min_size=1, max_size=3), min_size=2, max_size=4), st.sampled_from(["\n", "\r\n", "\r"]))
def test_plain_text(passages: list[list[str]], end: str) -> None:
    written = (end * 2).join(end.join(lines) for lines in passages)
    assert [row["text"] for row in read_back("poem.txt", written.encode())] == ["\n".join(lines) for lines in passages]
