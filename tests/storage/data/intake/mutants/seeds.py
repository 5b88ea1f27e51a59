"""The files that mutants are made of: small ones made by code, and the beginnings of real ones where they are."""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter

from tests.storage.data.intake.bad_documents import good_letter
from tests.storage.data.intake.made_documents import PEOPLE, letter, pdf, word, workbook
from tests.storage.data.intake.mutants.package_edits import packed, unzipped
from tests.storage.data.intake.mutants.table_edits import parquet

SHARED_DATA = Path(__file__).parents[6] / "shared" / "data"
HEAD_BYTES = 6_000
Files = dict[str, bytes]
"""Contents by file name."""

TEXTS = (
    "where is my card", "I lost it, again", 'they said "no"', "two\nlines", "Grüße aus Köln", "你好 🙂", "", "  kept ",
    "=1+1", "a; b | c", "tab\there", "plain", "1,5", "last one",
)  # fmt: skip
ROWS = [{"text": f"{text} {i}" if text else "", "label": "ab"[i % 2], "n": str(i)} for i, text in enumerate(TEXTS)]
PAIRS = [{"prompt": row["text"] or "-", "completion": f"answer {i}", "n": i} for i, row in enumerate(ROWS)]
CHATS: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": f"q {i}"}, {"role": "assistant", "content": "a"}], "id": i}
    for i in range(4)
]
JUDGED = [
    {"prompt": f"q {i}" if i % 2 else CHATS[i]["messages"][:1], "completion": f"a {i}", "label": i > 1}
    for i in range(4)
]
COMPARED: list[dict[str, Any]] = [
    {
        "chosen": [*CHATS[i]["messages"][:1], {"role": "assistant", "content": f"{word} {i}"}],
        "rejected": CHATS[i]["messages"],
    }
    for i, word in enumerate(("yes", "no", "hm", "so"))
]
SPOKEN = [{side: f"\n\nHuman: q {i}\n\nAssistant: {side}" for side in ("chosen", "rejected")} for i in range(4)]
SHAREGPT = [{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": f"a {i}"}]} for i in range(3)]
SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "Harbour",
            "paragraphs": [
                {
                    "context": "It opened in 1901.",
                    "qas": [{"id": i, "question": "When?", "answers": [{"text": "1901"}]}],
                }
                for i in "abc"
            ],
        }
    ],
}
TASKS = [{"instruction": f"Add {i}.", "instances": [{"input": "1 2", "output": "3"}]} for i in range(3)]
PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>A page</title><style>p {}</style></head><body>
<nav>Home</nav><h1>One &amp; all</h1><p>Text <b>bo</b>ld &eacute; &#228; 你<br>next</p><script>var a;</script>
<table><tr><th>what<th>price<tr><td>tea<td>2 €</table><h2>Two</h2><pre> kept
  so </pre><ul><li>one<li>two</ul><p hidden>no</p><p>end</p></body></html>
"""
PART = "<h1>First</h1>\n<p>alpha</p>\n<h2>Second</h2>\n<p>beta <i>gamma</i></p>\n<div>delta</div>\n"
NOTES = "---\na: b\n---\n# One\n\ntext, *more*\n\n```\n# no heading\n```\nTwo\n===\n- list\n\n## Three ##\nend\n"
POEM = "Roses are red,\nviolets: blue.\n\nSugar is sweet\n\n\nand so — are — you\n"


def _csv(delimiter: str = ",", encoding: str = "utf-8", end: str = "\n") -> bytes:
    sink = io.StringIO()
    writer = csv.DictWriter(sink, ROWS[0], delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(ROWS)
    return sink.getvalue().encode(encoding, "replace")


def _lines(rows: list[dict[str, Any]], ascii: bool = False) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=ascii) + "\n" for row in rows).encode()


def _delimited() -> Files:
    plain = b"text,label\n" + b"".join(b"message number %d,%s\n" % (i, b"ab"[i % 2 :][:1]) for i in range(12))
    return {
        "quoted.csv": _csv(),
        "plain.csv": plain,
        "tabs.tsv": _csv("\t", end="\r\n"),
        "semicolons.csv": _csv(";", "cp1252"),
        "marked.csv": _csv("|", "utf-8-sig"),
        "wide.csv": _csv(",", "utf-16"),
        "one.csv": b"text\n" + b"".join(b"line %d\n" % i for i in range(8)),
    }


def _json_lines() -> Files:
    made = {"rows": ROWS, "pairs": PAIRS, "chats": CHATS, "sharegpt": SHAREGPT, "tasks": TASKS}
    made |= {"judged": JUDGED, "compared": COMPARED, "spoken": SPOKEN}
    return {f"{name}.jsonl": _lines(rows, ascii=name == "pairs") for name, rows in made.items()}


def _json_lists() -> Files:
    made = {"rows": ROWS, "chats": CHATS, "squad": SQUAD, "inner": {"version": 1, "rows": PAIRS}}
    return {f"{name}.json": json.dumps(made[name], ensure_ascii=name == "rows").encode() for name in made}


def _parquet() -> Files:
    typed = pa.table({
        "text": [row["text"] for row in ROWS],
        "n": pa.array([None, *range(1, len(ROWS))], pa.int32()),
        "share": [i / 7 for i in range(len(ROWS))],
        "ok": [i % 3 == 0 for i in range(len(ROWS))],
    })  # fmt: skip
    return {
        "typed.parquet": parquet(typed),
        "summed.parquet": parquet(typed, write_page_checksum=True, compression="zstd"),
        "chats.parquet": parquet(pa.Table.from_pylist(CHATS), compression="none"),
        "compared.parquet": parquet(pa.Table.from_pylist(COMPARED), compression="none"),
        "plain.parquet": parquet(pa.Table.from_pylist(PAIRS), use_dictionary=False, compression="none"),
    }


def _formatted(book: xlsxwriter.Workbook) -> None:
    book.set_properties({"created": datetime.datetime(2024, 1, 1)})
    sheet = book.add_worksheet("Data")
    sheet.write_row(0, 0, ["text", "when", "share", "sum", "ok"])
    for i, text in enumerate(TEXTS[:8], start=1):
        sheet.write_string(i, 0, text or "-")
        sheet.write_datetime(i, 1, datetime.datetime(2024, 2, i), book.add_format({"num_format": "dd.mm.yyyy"}))
        sheet.write_number(i, 2, i / 8, book.add_format({"num_format": "0.0%"}))
        sheet.write_formula(i, 3, f"=C{i + 1}*2", None, i / 4)
        sheet.write_boolean(i, 4, i % 2)
    sheet.merge_range(9, 0, 11, 0, "merged")
    sheet.write_column(9, 1, ["a", "b", "c"])
    book.add_worksheet("Other").write_row(0, 0, ["x", "y"])


def _workbooks() -> Files:
    def date(book: xlsxwriter.Workbook) -> None:
        book.set_properties({"created": datetime.datetime(2024, 1, 1)})

    return {"people.xlsx": workbook({"Data": PEOPLE[:8]}, date), "formatted.xlsx": workbook({}, _formatted)}


def _table(document: Any) -> None:
    document.add_heading("Prices", 1)
    table = document.add_table(2, 2)
    for i, text in enumerate(("what", "price", "tea", "2 €")):
        table.cell(i // 2, i % 2).text = text
    document.add_paragraph("Above it all, 你好 🙂.").add_run(" bold").bold = True
    letter(document)


def _documents() -> Files:
    """Without the parts that no reader opens, and with the styles that the text uses only: fifteen times faster."""
    return {"letter.docx": _slim(good_letter()), "table.docx": _slim(word(_table))}


def _slim(data: bytes) -> bytes:
    parts = unzipped(data)
    styles = parts["word/styles.xml"]
    head = styles[: styles.index(b">", styles.index(b"<w:styles")) + 1]
    known = [style + b"</w:style>" for style in styles.split(b"</w:style>")[:-1] if b'"Heading' in style[-900:]]
    known = [style[style.rindex(b"<w:style ") :] for style in known]
    kept = ("[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/_rels/document.xml.rels")
    return packed({**{name: parts[name] for name in kept}, "word/styles.xml": head + b"".join(known) + b"</w:styles>"})


def _pdfs() -> Files:
    return {
        "report.pdf": pdf(
            "The first page.", "The second page,\nwith a second line.", "The third page.", title="Report"
        ),
        "bare.pdf": pdf(
            "The first page.", "The second page,\nwith (two) lines.", "Grüße.", title="Report", packed=False
        ),
        "blank.pdf": pdf("One page only with text, an exam-\nple.", "", "More."),
        "letters.pdf": pdf("Grüße aus Köln", "naïve café", font="Vera"),
    }


def _bundles() -> Files:
    table, lines = _delimited()["plain.csv"], _lines(PAIRS)
    return {
        "tables.zip": packed({"train.csv": table, "test.csv": table.replace(b"message", b"question")}),
        "mixed.zip": packed({"pairs.jsonl": lines, "notes/poem.txt": POEM.encode(), "plain.csv": table}),
    }


MADE: dict[str, Callable[[], Files]] = {
    "delimited": _delimited,
    "json_lines": _json_lines,
    "json_list": _json_lists,
    "parquet": _parquet,
    "plain_text": lambda: {"poem.txt": POEM.encode(), "lines.txt": POEM.replace("\n\n", "\n").encode("cp1252")},
    "markdown": lambda: {"notes.md": NOTES.encode(), "two.md": NOTES[NOTES.index("#") :].encode()},
    "html": lambda: {"page.html": PAGE.encode(), "part.htm": PART.encode(), "wide.html": PAGE.encode("utf-16")},
    "pdf": _pdfs,
    "word": _documents,
    "workbook": _workbooks,
    "several": _bundles,
}
"""Of each reader, files that it reads."""


@cache
def made(reader: str) -> Files:
    """The small files of this reader."""
    return MADE[reader]()


@cache
def real() -> Files:
    """The beginnings of the files that others made, as far as they are at hand, cut where a row ends."""
    heads: Files = {}
    for path in sorted(SHARED_DATA.glob("*/*")) if SHARED_DATA.is_dir() else ():
        if path.suffix in (".csv", ".jsonl") or path.name == "input.txt":
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
            heads[path.name] = head[: head.rindex(b"\n") + 1]
        elif path.suffix == ".json":
            heads[path.name] = _first_items(json.loads(path.read_bytes()))
    return heads


def _first_items(document: Any) -> bytes:
    """A JSON document with the first items of its longest lists."""
    if isinstance(document, list):
        document = document[:5]
    else:
        document["data"] = [{**item, "paragraphs": item["paragraphs"][:2]} for item in document["data"][:2]]
    return json.dumps(document).encode()
