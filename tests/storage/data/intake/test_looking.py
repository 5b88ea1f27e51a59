"""Odd but good files are read, and what was odd about them is said."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.data import intake
from tests.storage.data.intake.bad_files import GOOD_CHAT, GOOD_CSV

Write = Callable[[str, bytes], intake.Look]
SAMPLES = {
    "cp1252": "Grüße aus München, schöne Straße",
    "cp1251": "Привет, как дела? Где моя карта",
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "gb18030": "你好,我的银行卡在哪里?我丢失了它",
    "big5": "你好我的銀行卡在哪裡",
    "cp932": "こんにちは、私のカードはどこですか",
    "cp949": "안녕하세요 내 카드는 어디에 있나요",
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def looked_at(filename: str, data: bytes) -> intake.Look:
        path = tmp_path / "content"
        path.write_bytes(data)
        return intake.look(path, filename)

    return looked_at


def said(look: intake.Look) -> str:
    return " ".join(remark.message for remark in look.remarks)


@pytest.mark.parametrize(
    ("filename", "data", "format", "says"),
    [
        ("B8.csv", b"\xef\xbb\xbf" + GOOD_CSV.encode(), "table with delimiters", "byte-order mark"),
        ("B9.csv", GOOD_CSV.encode("utf-16"), "table with delimiters", "UTF-16"),
        ("B9-bare.csv", GOOD_CSV.encode("utf-16-le"), "table with delimiters", "UTF-16-LE"),
        ("B10.csv", GOOD_CSV.replace("message", "Grüße").encode("latin-1"), "table with delimiters", "cp1252"),
        ("B13.csv", GOOD_CSV.replace("\n", "\r\n", 9).encode(), "table with delimiters", ""),
        ("B13-mac.csv", GOOD_CSV.replace("\n", "\r").encode(), "table with delimiters", ""),
        ("B31.csv", GOOD_CSV.replace(",", ";").encode(), "table with delimiters", "semicolons"),
        ("B31-tab.csv", GOOD_CSV.replace(",", "\t").encode(), "table with delimiters", "tabs"),
        ("no-suffix", GOOD_CSV.encode(), "table with delimiters", ""),
        ("B27.jsonl", json.dumps([{"text": "a"}, {"text": "b"}]).encode(), "JSON", "content is JSON"),
        ("lines.json", b'{"text": "a"}\n\n{"text": "b"}\n', "JSON lines", "content is JSON lines"),
        ("inner.json", b'{"version": 1, "rows": [{"text": "a"}, {"text": "b"}]}', "JSON", "list “rows”"),
        ("comma.json", b'[{"text": "a"}, {"text": "b"},]', "JSON", "ends with a comma"),
        ("pretty.json", json.dumps([{"text": "a"}] * 2, indent=2).encode(), "JSON", ""),
        ("table.txt", GOOD_CSV.encode(), "table with delimiters", "content is table"),
        ("blank.csv", GOOD_CSV.replace("\n", "\n\n").encode(), "table with delimiters", "Blank lines"),
        ("unnamed.csv", b",text,label\n0,hi,a\n1,ho,b\n", "table with delimiters", "“column 1”"),
        ("poem.txt", b"Roses are red,\nViolets, blue,\n\nSugar\n", "plain text", "blank lines"),
        ("lines.txt", b"Roses are red\nViolets are blue\n", "plain text", "each line"),
        ("prose.txt", b"Well, yes\nNo, never\nAh, so\n", "plain text", "each line"),
        ("list.txt", b"[1] a footnote\n[2] another\n", "plain text", "each line"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_accepted(write: Write, filename: str, data: bytes, format: str, says: str) -> None:
    look = write(filename, data)
    assert look.format == format
    assert says in said(look)
    assert look.n_rows >= 2


@pytest.mark.parametrize("codec", SAMPLES)
@pytest.mark.parametrize("n_rows", [3, 40])
def test_other_encodings_are_read_right_and_said(write: Write, codec: str, n_rows: int) -> None:
    rows = "".join(f'"{SAMPLES[codec]} {i}",{"ab"[i % 2]}\n' for i in range(n_rows))
    look = write("x.csv", f"text,label\n{rows}".encode(codec))
    assert look.columns[0].samples[0] == f"{SAMPLES[codec]} 0"
    assert codec in said(look)


def test_parquet_counts_rows_and_keeps_types(write: Write, tmp_path: Path) -> None:
    table = pa.table({"messages": [GOOD_CHAT["messages"]] * 3, "n": [1, None, 3]})
    pq.write_table(table, tmp_path / "t")
    look = write("chats.bin", (tmp_path / "t").read_bytes())
    assert [(c.name, c.kind, c.n_missing) for c in look.columns] == [("messages", "messages", 0), ("n", "integer", 1)]


def test_large_cells_and_line_numbers_of_quoted_lines(write: Write) -> None:
    look = write("big.csv", b'text,label\n"' + b"x" * 200_000 + b'",a\n"two\nlines",b\nlast,c\n')
    assert look.n_rows == 3
    assert look.columns[0].mean_chars > 60_000
    findings = intake.Findings("big.csv")
    shape = intake.guess(look)
    assert shape.shape == "prompt_completion" or shape.mapping["text"] == "text"
    from templates import registry

    numbers = [n for n, _ in intake.shaped(look, registry.shape("text"), {"text": "text"}, findings)]
    assert numbers == [2, 3, 5]


def test_text_survives_verbatim(write: Write) -> None:
    texts = [
        "مرحبا بالعالم",
        "zero\u200bwidth",
        "👩‍👩‍👧 🙂",
        "你好",
        '=HYPERLINK("x")',
        " kept blanks ",
        "line\u2028sep",
    ]
    look = write("odd.jsonl", "".join(json.dumps({"text": t}, ensure_ascii=False) + "\n" for t in texts).encode())
    from templates import registry

    rows = intake.shaped(look, registry.shape("text"), {"text": "text"}, intake.Findings("odd.jsonl"))
    assert [row["text"] for _, row in rows] == texts


@pytest.mark.parametrize(
    ("filename", "data"),
    [
        ("one-line.txt", b"x" * 300_000 + b"\n\xe9\n"),
        ("comments.txt", b"<!---->" * 200 + b"\na line\n"),
        ("open-tags.html", b"<p>a</p>\n" + b"<meta " * 20_000 + b"<p>b</p>"),
        ("tags.txt", b"a\n" + b"<p " * 40_000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_file_is_takes_no_longer_for_a_hostile_one(write: Write, filename: str, data: bytes) -> None:
    began = time.process_time()
    assert write(filename, data).n_rows >= 2
    assert time.process_time() - began < 2


def test_names_of_any_length_do_not_swell_what_is_said(write: Write) -> None:
    look = write("long.csv", b"x" * 5_000 + b",y\n1.5,2.5\n3.5,4.5\n")
    findings = intake.Findings("long.csv")
    intake.remark_unused(look, {}, findings)
    assert len(findings.remarks[0].message) < 1_100


def test_remarks_of_ever_new_words_are_summed_up(write: Write) -> None:
    turns = [{"role": "assistant", "content": "hello", f"key {i}": 1} for i in range(150)]
    look = write("chat.jsonl", "".join(json.dumps({"messages": [turn]}) + "\n" for turn in turns).encode())
    from templates import registry

    findings = intake.Findings("chat.jsonl")
    list(intake.shaped(look, registry.shape("messages"), {"messages": "messages"}, findings))
    assert len(findings.remarks) == 101
    assert "more kinds of oddities" in findings.remarks[-1].message


def test_only_a_few_alike_problems_are_listed(write: Write) -> None:
    from templates.errors import BadInput

    with pytest.raises(BadInput, match="there are 95 more problems") as caught:
        write("many.jsonl", b"[]\n" * 100)
    assert len(caught.value.problems) == 6
