"""Documents with bytes changed, cut out or cut off: read or refused, and never read as something else."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.data.intake import Findings, formats
from storage.data.intake.readers import readers
from templates.errors import BadInput
from tests.storage.data.intake.bad_documents import DOCUMENT, SHEET, good_letter, good_pdf, good_workbook
from tests.storage.data.intake.made_documents import repacked

PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>T</title></head><body><nav>n</nav>
<h1>One</h1><p>Text <b>bold</b> &amp; é</p><table><tr><td>1<td>2</table><h2>Two</h2><pre> x </pre></body></html>"""
NOTES = "---\na: b\n---\n# One\n\ntext\n\n```\n# x\n```\nTwo\n===\n- list\n\n## Three ##\nend\n"
Maker = Callable[[], bytes]
MADE: dict[str, Maker] = {
    "data.xlsx": good_workbook,
    "letter.docx": good_letter,
    "report.pdf": good_pdf,
    "page.html": lambda: PAGE.encode(),
    "notes.md": lambda: NOTES.encode(),
}
EXAMPLES = settings(max_examples=60, deadline=None)


def outcome(filename: str, data: bytes) -> list[dict[str, Any]] | str:
    """The rows, or why the file is refused."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        findings = Findings(filename)
        try:
            source = formats.find(Path(file.name), filename, findings)
            rows = [row.values for row in readers()[source.format].read(source, findings)]
            findings.refuse()
        except BadInput as error:
            return str(error)
    for row in rows:
        for value in row.values():
            assert value is None or isinstance(value, (str, int))
    return rows


def judged(filename: str, data: bytes) -> None:
    """A zip knows the sum of each part, so what is read from it is what was written."""
    found = outcome(filename, data)
    assert isinstance(found, list) or filename in found
    if data.startswith(b"PK\x03\x04"):
        assert isinstance(found, str) or found == outcome(filename, MADE[filename]())


@pytest.mark.parametrize("filename", MADE)
@EXAMPLES
@given(edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_changed_bytes(filename: str, edits: list[tuple[float, int]]) -> None:
    data = bytearray(MADE[filename]())
    for place, byte in edits:
        data[int(place * len(data))] = byte
    judged(filename, bytes(data))


@pytest.mark.parametrize("filename", MADE)
@EXAMPLES
@given(places=st.tuples(st.floats(0, 1), st.floats(0, 1)), to_end=st.booleans())
def test_missing_bytes(filename: str, places: tuple[float, float], to_end: bool) -> None:
    data = MADE[filename]()
    begin, end = sorted(int(place * len(data)) for place in places)
    if begin or not to_end:
        judged(filename, data[:begin] + (b"" if to_end else data[end:]))


def test_the_list_of_parts_byte_by_byte() -> None:
    data = good_workbook()
    last = data.rindex(b"PK\x01\x02")
    for place in range(last, len(data)):
        judged("data.xlsx", data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])


@pytest.mark.parametrize(
    ("filename", "part"),
    [
        *(("data.xlsx", part) for part in (SHEET, "xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml")),
        *(("letter.docx", part) for part in (DOCUMENT, "word/styles.xml", "word/_rels/document.xml.rels")),
        ("letter.docx", "[Content_Types].xml"),
    ],
)
def test_parts_that_are_valid_zip_and_broken_xml(filename: str, part: str) -> None:
    draw = random.Random(part)

    def spoilt(content: bytes) -> bytes:
        changed = bytearray(content)
        for _ in range(draw.choice((1, 1, 3))):
            begin = draw.randrange(len(changed))
            changed[begin : begin + draw.choice((0, 1, 1, 9))] = draw.randbytes(draw.choice((0, 1, 3)))
        return bytes(changed)

    for _ in range(12):
        outcome(filename, repacked(MADE[filename](), {part: spoilt}))


@pytest.mark.parametrize("size_bytes", [0, 1, 4, 100, 5_000])
@pytest.mark.parametrize("magic", [b"", b"PK\x03\x04", b"%PDF-1.7\n", b"\xd0\xcf\x11\xe0", b"<html>", b"# a\n# b\n"])
def test_noise_behind_any_magic(magic: bytes, size_bytes: int) -> None:
    outcome("noise", magic + random.Random(size_bytes).randbytes(size_bytes) or b"x")


def test_the_undamaged_ones_are_read() -> None:
    assert {name: len(outcome(name, make())) for name, make in MADE.items()} == {
        "data.xlsx": 20,
        "letter.docx": 2,
        "report.pdf": 3,
        "page.html": 2,
        "notes.md": 3,
    }
    assert isinstance(outcome("data.xlsx", repacked(good_workbook(), {SHEET: b"<a/>"})), str)
