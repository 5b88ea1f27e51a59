"""Single rows that can't be used are named, and the other rows go in when asked, never silently."""

from __future__ import annotations

import io
import json

import pytest

from storage.data import datasets, uploads
from storage.models import User
from templates.errors import BadInput
from tests.storage.data.intake.made_documents import workbook

HEAD = "question,answer\n"
ROWS = [f"What is {i}?,It is {i}.\n" for i in range(12)]
TABLE = HEAD + "".join(ROWS)
LINES = [json.dumps({"question": f"What is {i}?", "answer": f"It is {i}."}) + "\n" for i in range(12)]
HALF = b"\xf0\x9f\x98"


def with_row(row: str, at: int = 3) -> bytes:
    return (HEAD + "".join([*ROWS[:at], row, *ROWS[at:]])).encode()


def with_line(line: str, at: int = 3) -> bytes:
    return "".join([*LINES[:at], line, *LINES[at:]]).encode()


def sheet(*rows: list[str]) -> bytes:
    return workbook({"Data": [*rows]})


@pytest.mark.parametrize(
    ("filename", "data", "row", "says"),
    [
        ("a.csv", with_row("one,two,three\n"), 5, "has 3 fields"),
        ("a.csv", with_row('"never closed,x\n'), 5, "the quotes don't match"),
        ("a.csv", with_row('"so "it" goes",x\n'), 5, "the quotes don't match"),
        ("a.csv", with_row("question,answer\n"), 5, "repeats the column names of row 1"),
        ("a.csv", ("Tickets of 2024,\n" + TABLE).encode(), 1, "looks like a title above the column names in row 2"),
        ("a.csv", ("Tickets of 2024\n\n" + TABLE).encode(), 1, "looks like a title above the column names in row 3"),
        ("a.jsonl", with_line('{"question": "a", "answ\n'), 4, "breaks off"),
        ("a.jsonl", with_line("[]\n"), 4, "not an object"),
        ("a.csv", with_row("X,y\n").replace(b"X", HALF), 5, "half a character"),
        (
            "a.csv",
            TABLE.encode() + b"gr\xfcn,ja\n" + "é,ü\n".encode(),
            14,
            "half a",
        ),
        ("a.jsonl", with_line('{"question": "a \\ud83d", "answer": "b"}\n'), 4, "half a character"),
        (
            "a.json",
            (
                "[" + ",".join(LINES[:5]) + ', {"question": "a \\ud83d", "answer": "b"},' + ",".join(LINES[5:]) + "]"
            ).encode(),
            6,
            "half a character",
        ),
        (
            "a.xlsx",
            sheet(["Tickets of 2024"], ["question", "answer"], *[[f"q {i} x", f"a {i} x"] for i in range(12)]),
            1,
            "looks like a title above the column names in row 2",
        ),
        (
            "a.xlsx",
            sheet(*[["question", "answer"], *[[f"q {i} x", f"a {i} x"] for i in range(6)]] * 2),
            8,
            "repeats the column names of row 1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_one_row_is_named_and_can_be_left_out(studio: User, filename: str, data: bytes, row: int, says: str) -> None:
    upload = uploads.save(studio, filename, io.BytesIO(data))
    seen = datasets.preview(studio, upload)
    assert [(problem.file, problem.row) for problem in seen.problems] == [(filename, row)]
    assert says in str(seen.problems[0])
    assert (seen.shape, seen.n_refused, seen.goes_in_without_them) == ("prompt_completion", 1, True)
    with pytest.raises(BadInput, match=says):
        datasets.add(studio, upload, name="whole")
    made = datasets.add(studio, upload, name="rest", leave_out_refused=True)
    rows = datasets.rows(made)
    assert len(rows) == seen.n_rows >= 12
    assert all(one["completion"].startswith(("It is", "a ", "ü")) for one in rows)
    left_out = next(remark for remark in made.remarks if "Left out 1 row " in remark["message"])
    assert left_out["rows"] == [row]


@pytest.mark.parametrize(
    ("filename", "data", "row", "prompt"),
    [
        ("a.csv", with_row("so X,It is so\n").replace(b"X", HALF), 5, "so \ufffd"),
        ("a.csv", b"\xef\xbb\xbf" + with_row("X so,It is so\n").replace(b"X", HALF), 5, "\ufffd so"),
        ("a.jsonl", with_line('{"question": "a \\ud83d", "answer": "It is b"}\n'), 4, "a \ufffd"),
        ("a.jsonl", with_line('{"question": "a X", "answer": "It is b"}\n').replace(b"X", HALF), 4, "a \ufffd"),
    ],
)
def test_half_a_character_can_be_replaced(studio: User, filename: str, data: bytes, row: int, prompt: str) -> None:
    upload = uploads.save(studio, filename, io.BytesIO(data))
    assert datasets.preview(studio, upload).n_unreadable == 1
    made = datasets.add(studio, upload, name="whole", replace_unreadable=True)
    assert next(one["prompt"] for one in datasets.rows(made) if one["source_row"] == row) == prompt
    assert made.n_rows == 13
    said = next(remark for remark in made.remarks if "replaced by \ufffd" in remark["message"])
    assert said["rows"] == [row]


def test_a_replacement_covers_nothing_else(studio: User) -> None:
    data = with_row("X,It is so\none,two,three\n").replace(b"X", HALF)
    upload = uploads.save(studio, "a.csv", io.BytesIO(data))
    with pytest.raises(BadInput, match=r"row 6.*has 3 fields") as error:
        datasets.add(studio, upload, name="whole", replace_unreadable=True)
    assert len(error.value.problems) == 1
    both = datasets.add(studio, upload, name="both", replace_unreadable=True, leave_out_refused=True)
    assert both.n_rows == 13


def test_rows_around_broken_quotes_are_all_read(studio: User) -> None:
    data = with_row('"open,x\n"two\nlines",It is two\n"a ""b""",It is quoted\n')
    upload = uploads.save(studio, "a.csv", io.BytesIO(data))
    made = datasets.add(studio, upload, name="rest", leave_out_refused=True)
    found = {one["source_row"]: one["prompt"] for one in datasets.rows(made)}
    assert (found[6], found[8], found[9]) == ("two\nlines", 'a "b"', "What is 3?")
    assert made.n_rows == 14


@pytest.mark.parametrize(
    "data",
    [
        b"text\nhello, world\nhi, there\noh, no\n",
        b"question,answer\nquestion,It is a word.\nWhat?,answer\n",
        b"Kommentar,Note\n1,2\n3,4\n",
    ],
)
def test_good_first_rows_are_no_titles(studio: User, data: bytes) -> None:
    seen = datasets.preview(studio, uploads.save(studio, "a.csv", io.BytesIO(data)), shape="text")
    assert not any("row of column names" in str(problem) or "repeats" in str(problem) for problem in seen.problems)


def test_where_hardly_any_row_can_be_read_the_file_is_refused(studio: User) -> None:
    upload = uploads.save(studio, "a.jsonl", io.BytesIO(b"{\n" * 30 + LINES[0].encode()))
    with pytest.raises(BadInput, match="there are 25 more problems"):
        datasets.preview(studio, upload)
