"""Workbooks: what a person sees in the sheet is what becomes of it, cell by cell."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import xlsxwriter

from tests.storage.data.intake.bad_documents import SHEET, good_workbook
from tests.storage.data.intake.made_documents import PEOPLE, repacked, replaced, workbook
from tests.storage.data.intake.readers.conftest import Extract

LONG = "long cell " * 3_000


def test_cells_read_as_they_are_shown(extract: Extract) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Data")
        sheet.write_row(0, 0, ["text", "zip", "when", "share", "price", "ok", "sum", "error", "id"])
        sheet.write_string(1, 0, "Grüße, 你好 🙂\nsecond line")
        sheet.write_number(1, 1, 1234, book.add_format({"num_format": "00000"}))
        sheet.write_datetime(1, 2, datetime.datetime(2024, 2, 29), book.add_format({"num_format": "dd.mm.yyyy"}))
        sheet.write_number(1, 3, 0.125, book.add_format({"num_format": "0.0%"}))
        sheet.write_number(1, 4, 1234.567, book.add_format({"num_format": '#,##0.00 "€"'}))
        sheet.write_boolean(1, 5, True)
        sheet.write_formula(1, 6, "=B2*2", None, 2468)
        sheet.write_formula(1, 7, "=1/0", None, "#DIV/0!")
        sheet.write_number(1, 8, 1234567890123456789)
        sheet.write_row(2, 0, [LONG, "=SUM(A1)", "007", "", " kept ", False, 1e-7])

    found = extract("data.xlsx", workbook({}, fill))
    assert found.format == "workbook"
    assert found.numbers == [2, 3]
    assert list(found.rows[0].values()) == [
        "Grüße, 你好 🙂\nsecond line",
        "01234",
        "2024-02-29",
        "12.5%",
        "1,234.57 €",
        "TRUE",
        "2468",
        "#DIV/0!",
        "1.23456789012346E+18",
    ]
    assert list(found.rows[1].values()) == [LONG, "=SUM(A1)", "007", "", " kept ", "FALSE", "0.0000001", "", ""]
    for part in (
        "year-month-day",
        "such as #N/A",
        "less than they hold",
        "more than 15 digits",
        "not computed by Excel",
    ):
        assert part in found.said
    assert found.refused == ""


def test_rows_keep_their_numbers_whatever_is_empty_around_them(extract: Extract) -> None:
    rows: list[list[Any]] = [[], [], ["", "text", "", "label"], ["", "a", "", "x"], [], ["", "", "", ""], ["", "b"]]
    found = extract("data.xlsx", workbook({"Data": rows}))
    assert found.numbers == [4, 7]
    assert found.rows == [{"text": "a", "label": "x"}, {"text": "b", "label": ""}]
    assert "Empty rows were skipped." in found.said


def test_a_column_without_a_name_is_called_by_its_letter(extract: Extract) -> None:
    found = extract("data.xlsx", workbook({"Data": [["", "text"], [1, "a"], ["", "b"]]}))
    assert found.rows == [{"text": "a", "column A": "1"}, {"text": "b"}]
    assert "“column A”" in found.said


def test_merged_cells_go_down_but_not_across(extract: Extract) -> None:
    def merge(book: xlsxwriter.Workbook) -> None:
        sheet = book.worksheets()[0]
        sheet.merge_range(1, 0, 3, 0, "north")
        sheet.merge_range(4, 0, 4, 1, "a note")

    rows = [["region", "text"], ["", "a"], ["", "b"], ["", "c"], ["", ""], ["south", "d"]]
    found = extract("data.xlsx", workbook({"Data": rows}, merge))
    assert found.column("region") == ["north", "north", "north", "a note", "south"]
    assert found.column("text") == ["a", "b", "c", "", "d"]
    assert "same value in each of their rows" in found.said
    assert "merged over several columns" in found.said


def test_of_several_sheets_the_one_with_most_rows_is_read_and_the_others_are_named(extract: Extract) -> None:
    def hide(book: xlsxwriter.Workbook) -> None:
        book.get_worksheet_by_name("Old").hide()

    sheets = {
        "Read me": [["how to"], ["use this"]],
        "Mail": PEOPLE,
        "Empty": [],
        "Old": [["x"], *[[i] for i in range(99)]],
    }
    found = extract("data.xlsx", workbook(sheets, hide))
    assert found.column("label")[:2] == ["ham", "spam"]
    assert "“Mail” (20 rows) was read. Not read: “Read me” (1 row), “Old” (99 rows, hidden)." in found.said


def test_hidden_rows_are_read_and_said(extract: Extract) -> None:
    found = extract(
        "data.xlsx", workbook(change=lambda book: book.worksheets()[0].set_row(3, None, None, {"hidden": 1}))
    )
    assert len(found.rows) == 20
    assert "Hidden rows of the sheet were read too" in found.said


def test_the_calendar_from_1904(extract: Extract) -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        format = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        book.worksheets()[0].write_datetime(1, 0, datetime.datetime(1999, 12, 31, 23, 59), format)

    found = extract("data.xlsx", workbook({"Data": [["when"]]}, fill, date_1904=True))
    assert found.column("when") == ["1999-12-31 23:59"]


ROW = '<row r="2" spans="1:2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>'


@pytest.mark.parametrize(
    ("row", "texts"),
    [
        ("<row><c t='inlineStr'><is><t>in</t></is></c><c t='str'><v>str</v></c></row>", ["in", "str"]),
        ("<row><c><v>1.50</v></c><c t='b'><v>0</v></c></row>", ["1.5", "FALSE"]),
        ("<row><c t='d'><v>2024-01-02T03:04:05</v></c><c t='e'><v>#N/A</v></c></row>", ["2024-01-02 03:04:05", "#N/A"]),
        (
            "<row><c t='inlineStr'><is><r><t>two </t></r><r><t>runs</t></r><rPh><t>no</t></rPh></is></c>"
            "<c t='str'><v>_x0041_ _x005F_x0041_ _xD83D_</v></c></row>",
            ["two runs", "A _x0041_ _xD83D_"],
        ),
        ("<row><!-- a --><c t='str'><v>a<!-- b -->c</v></c><c t='str'><f>A1</f><v></v></c></row>", ["ac", ""]),
    ],
)
def test_other_writers_ways_to_say_it(extract: Extract, row: str, texts: list[str]) -> None:
    found = extract("data.xlsx", repacked(good_workbook(), {SHEET: replaced(ROW, row)}))
    assert found.refused == ""
    assert list(found.rows[0].values()) == texts


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('<row r="2"><c r="A2"><f>B1*2</f></c></row>', "row 2, field “text”: holds a formula without its result"),
        ('<row r="2"><c r="A2" t="s"><v>9999</v></c></row>', "cell A2 points to a text that is missing"),
        ('<row r="2"><c r="A2" t="s"><v>-1</v></c></row>', "cell A2 points to a text that is missing"),
        ('<row r="2"><c r="A2" t="s"><v>٣</v></c></row>', "cell A2 points to a text that is missing"),
        ('<row r="2"><c r="A2"><v>٣</v></c></row>', "cell A2 holds “٣” where a number should be"),
        ('<row r="2"><c r="A2" t="b"><v>yes</v></c></row>', "cell A2 holds “yes” where true or false should be"),
        ('<row r="2"><c r="A2"><v>1</v><v>2</v></c></row>', "cell A2 has more than one value"),
        ('<row r="2"><c r="A3"><v>1</v></c></row>', "cell “A3” in row 2"),
        ('<row r="2"><row r="3"><c r="A3"><v>1</v></c></row></row>', "has a “row” inside another"),
        ('<row r="2"><c r="A2"><v>1e999</v></c></row>', "cell A2 holds “1e999” where a number should be"),
        ('<row r="2"><c r="A2"><v>nan</v></c></row>', "cell A2 holds “nan” where a number should be"),
        ('<row r="2"><c r="A2" s="77"><v>1</v></c></row>', "cell A2 has a format that is missing"),
        ('<row r="2"><c r="ZZZ2"><v>1</v></c></row>', "cell “ZZZ2” after column 0"),
        ('<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>', "cell “A2” after column 2"),
        ('<row r="1"><c r="A1"><v>1</v></c></row>', "row “1” after row 1"),
        ('<row r="9999999"><c><v>1</v></c></row>', "row “9999999” after row 1"),
        ('<row r="2"><c r="A2"><v>1</v></row>', "damaged (part “xl/worksheets/sheet1.xml”"),
    ],
)
def test_what_a_sheet_must_not_hold(extract: Extract, row: str, says: str) -> None:
    found = extract("data.xlsx", repacked(good_workbook(), {SHEET: replaced(ROW, row)}))
    assert says in found.refused


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/sharedStrings.xml", SHEET, "_rels/.rels"])
def test_a_missing_part_is_damage(extract: Extract, part: str) -> None:
    found = extract("data.xlsx", repacked(good_workbook(), {part: None}))
    assert "damaged" in found.refused
    assert found.rows == []


def test_texts_inside_texts_would_move_all_that_follow(extract: Extract) -> None:
    nested = replaced("<si><t>ham</t></si>", "<si><t>ham</t><si><t>eggs</t></si></si>")
    found = extract("data.xlsx", repacked(good_workbook(), {"xl/sharedStrings.xml": nested}))
    assert "has a “si” inside another" in found.refused
    assert found.rows == []


def test_a_part_that_is_there_twice_is_damage(extract: Extract) -> None:
    twice = repacked(good_workbook(), {SHEET.upper(): b"<worksheet/>"})
    assert f"its part “{SHEET}” is there twice" in extract("data.xlsx", twice).refused


def test_a_number_format_beyond_what_excel_knows_is_damage(extract: Extract) -> None:
    long = replaced("<cellXfs", f'<numFmts><numFmt numFmtId="200" formatCode="0.{"0" * 500}"/></numFmts><cellXfs')
    found = extract("data.xlsx", repacked(good_workbook(), {"xl/styles.xml": long}))
    assert "a number format of 502 characters" in found.refused


def test_strict_workbooks_are_read_alike(extract: Extract) -> None:
    def strict(content: bytes) -> bytes:
        return content.replace(
            b"http://schemas.openxmlformats.org/spreadsheetml/2006", b"http://purl.oclc.org/ooxml/sheet"
        )

    parts = ("xl/workbook.xml", SHEET, "xl/sharedStrings.xml", "xl/styles.xml")
    found = extract("data.xlsx", repacked(good_workbook(), dict.fromkeys(parts, strict)))
    assert found.rows == extract("data.xlsx", good_workbook()).rows
    assert len(found.rows) == 20


def test_a_far_corner_costs_nothing(extract: Extract) -> None:
    def corner(book: xlsxwriter.Workbook) -> None:
        book.worksheets()[0].write(1_048_575, 16_383, "x")

    found = extract("data.xlsx", workbook(change=corner))
    assert "row 1048576, field “column XFD”" in found.refused
