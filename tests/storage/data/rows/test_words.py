"""Words that the user names: read, found as whole words in every script, and dropped with their rows."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.data import datasets, uploads
from storage.data.health import fixing, report
from storage.data.health.report import Found
from storage.data.rows import words
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Rows
from storage.data.rows.words import Words
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput
from tests.storage.data.health.planted import Writer, email


def held(named: str, text: str) -> list[str]:
    return [word for _, word in words.of_text(named).places(normalised(text))]


@pytest.mark.parametrize(
    ("word", "text", "is_held"),
    [
        ("idiot", "You IDIOT!", True),
        ("idiot", "“idiot”, he said", True),
        ("idiot", "_idiot_", True),
        ("idiot", "idiotic", False),
        ("ass", "a class of his own", False),
        ("ass", "as s", False),
        ("Model 3", "the model  3 is new", True),
        ("Model 3", "the model 35 is new", False),
        ("c++", "I like C++, not c", True),
        ("b*ll", "bell ball", False),
        ("acme", "ＡＣＭＥ's finest", True),
        ("ﬁne", "a fine day", True),
        ("Straße", "in der STRASSE", True),
        ("café", "cafe\u0301 au lait", True),
        ("cafe", "cafe\u0301 au lait", False),
        ("笨蛋", "你这个笨蛋！", True),
        ("ばか", "ばかやろう", True),
        ("バカ", "ﾊﾞｶやろう", True),
        ("โง่", "คุณโง่มาก", True),
        ("iphone", "我的iPhone手机", True),
        ("phone", "我的iPhone手机", False),
        ("कल", "कल आना", True),
        ("कल", "कला", False),
        ("바보", "바보!", True),
        ("дурак", "Он ДУРАК.", True),
        ("a", "a", True),
    ],
)
def test_a_word_is_found_whole_whatever_its_case_and_width(word: str, text: str, is_held: bool) -> None:
    assert held(word, text) == [word] * is_held


def test_words_in_one_another_are_all_found() -> None:
    named = "New York\nYork City\nYork\nnew york city\nnew yorker"
    assert held(named, "In New York City.") == ["New York", "new york city", "York", "York City"]
    assert held("fool", "Fool, fool, foolish, FOOL") == ["fool"] * 3


def test_longer_words_nest_as_deep_as_they_can() -> None:
    named = "\n".join("a" * n for n in range(1, words.LONGEST + 1))
    assert held(named, "b " + "a" * words.LONGEST) == ["a" * words.LONGEST]
    assert len(held(named.replace("a", "一"), "一" * words.LONGEST)) == words.LONGEST * (words.LONGEST + 1) // 2


SIGNS = st.text("abAß 　b\u0301一ิก_+", max_size=12)


@given(st.lists(SIGNS.filter(normalised), min_size=1, max_size=6), SIGNS)
def test_all_are_found_that_a_reader_would_find(named: list[str], text: str) -> None:
    whole = normalised(text)
    wanted = {normalised(word) for word in named if _stands_in(normalised(word), whole)}
    assert {normalised(word) for _, word in words.of_list(named).places(whole)} == wanted


def _stands_in(word: str, text: str) -> bool:
    """The same by trying every place."""

    def goes_on(place: int) -> bool:
        return (
            0 < place < len(text)
            and all(c.isalnum() or c == "\u0301" for c in text[place - 1 : place + 1])
            and not (set(text[place - 1 : place + 1]) & set("一ิก"))
        )

    starts = [i for i in range(len(text)) if text.startswith(word, i)]
    return any(not goes_on(i) and not goes_on(i + len(word)) for i in starts)


def test_a_file_is_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes("\ufeff# insults\r\nidiot\r\n\r\n  two  words \r\n  # more\r\nIDIOT".encode())
    assert words.of_file(file).written == ("idiot", "two words", "IDIOT")
    assert words.of_list(["#tag", " a  b "]).written == ("#tag", "a b")


def test_everything_wrong_with_a_file_is_said_by_name_and_line(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(b"good\n\xff\xfe\n" + b"a" * 101 + b"\n# " + b"b" * 200 + b"\nfine\n" + "ﷺ".encode() * 9)
    with pytest.raises(BadInput) as caught:
        words.of_file(file)
    told = [(p.file, p.row, p.message) for p in caught.value.problems]
    assert told == [
        (str(file), 2, "is not UTF-8 text."),
        (str(file), 3, "has 101 characters."),
        (str(file), 6, "has 162 characters."),
    ]
    file.write_text("# nothing\n\n")
    with pytest.raises(BadInput, match="no words given"):
        words.of_file(file)
    file.write_text("\n".join(f"w{i}" for i in range(words.MOST_WORDS + 1)) + "\n" + "a" * 101)
    with pytest.raises(BadInput, match=r"you gave 10,002 words\. Use at most 10,000") as caught:
        words.of_file(file)
    assert [p.row for p in caught.value.problems] == [10_002, None]
    with pytest.raises(BadInput, match="can't be read: No such file"):
        words.of_file(tmp_path / "none.txt")


def test_a_file_that_is_no_list_is_refused_in_few_words(tmp_path: Path) -> None:
    file = tmp_path / "words.bin"
    file.write_bytes(b"\xff\n" * 50_000)
    with pytest.raises(BadInput, match="49,980 more lines have the same problem") as caught:
        words.of_file(file)
    assert len(caught.value.problems) == 21
    with file.open("wb") as stream:
        stream.truncate(9 << 20)
    with pytest.raises(BadInput, match="is larger than 8 MB"):
        words.of_file(file)


def test_a_list_and_a_text_name_their_field() -> None:
    with pytest.raises(BadInput) as caught:
        words.of_list(["fine", " ", "a" * 101])
    assert [(p.field, p.row) for p in caught.value.problems] == [("words", 2), ("words", 3)]
    for nothing in (lambda: words.of_list([]), lambda: words.of_text("# none")):
        with pytest.raises(BadInput, match="field “words”: no words given"):
            nothing()


def pair(i: int, **values: str) -> dict[str, Any]:
    row = {"prompt": f"Where is {i}?", "chosen": f"Here is {i}.", "rejected": f"No {i}.", **values}
    return {**row, "prompt": [{"role": "user", "content": row["prompt"]}], "source_row": i, "held_out": i % 5 == 0}


def found(shape: str, rows: list[dict[str, Any]], named: Words) -> Found | None:
    seen = report.examine(Rows.of(registry.shape(shape), rows, words=named), "rows")
    return next((one for one in seen.found if one.check.key == "listed_words"), None)


def test_the_finding_says_which_words_and_where() -> None:
    rows = [pair(i) for i in range(1, 21)]
    rows += [pair(21, chosen="You idiot."), pair(22, chosen="Idiot, fool.", prompt="Am I a fool?")]
    rows += [pair(23, rejected="Fool! Fool!"), pair(24, prompt="Am I a FOOL?")]
    one = found("preference", rows, words.of_text("fool\nidiot\ndunce"))
    assert one is not None
    assert (one.finding.rows, one.finding.words, one.level) == ((21, 22, 23, 24), ("fool", "idiot"), "warning")
    assert one.finding.says == (
        "4 rows contain words from your list: “fool” in 3, “idiot” in 2; "
        "2 in an answer, 1 in the rejected answer only, 1 in the prompt only."
    )
    assert [example.text for example in one.finding.examples] == [
        "“idiot” in the answer: you idiot.",
        "“idiot” in the answer: idiot, fool.",
        "“fool” in the rejected answer: fool! fool!",
        "“fool” in the prompt: am i a fool?",
    ]
    assert found("preference", rows[:20], words.of_text("fool")) is None
    many = found("preference", [pair(1, chosen="a b c d e f g")], words.of_text("a\nb\nc\nd\ne\nf\ng"))
    assert many is not None
    assert "“e” in 1 and 2 more words; 1 in an answer." in many.finding.says


def test_an_earlier_answer_of_a_conversation_is_no_prompt() -> None:
    turns = [("user", "hm?"), ("assistant", "You fool."), ("user", "why?"), ("assistant", "Because.")]
    row = {"messages": [{"role": role, "content": said} for role, said in turns], "source_row": 1, "held_out": False}
    one = found("messages", [row], words.of_text("fool"))
    assert one is not None
    assert one.finding.says.endswith("1 in an answer.")
    texts = [{"text": "A fool and his money.", "source_row": 1, "held_out": False}]
    one = found("text", texts, words.of_text("fool"))
    assert one is not None
    assert one.finding.says.endswith("1 in the prompt only.")


def test_examples_hide_personal_data() -> None:
    writer = Writer(5)
    address = email(writer)
    one = found("preference", [pair(1, chosen=f"Fool, write to {address}.")], words.of_text(f"fool\n{address}"))
    assert one is not None
    assert address not in one.finding.examples[0].text
    assert address not in one.finding.says


def test_ten_thousand_rows_are_searched_for_500_words_in_a_second_or_two() -> None:
    writer, other = Writer(3), Writer(4)
    rows = [{"prompt": writer.sentence(40), "completion": writer.sentence(40)} for _ in range(10_000)]
    named = words.of_list([other.sentence(1 + i % 2).rstrip(".") + "q" for i in range(500)])
    seen = Rows.of(registry.shape("prompt_completion"), rows, words=named)
    began = time.process_time()
    report.checks()["listed_words"].find(seen)
    took_s = time.process_time() - began
    print(f"{took_s:.2f} s of CPU time")
    assert took_s < 6


@pytest.fixture
def talk(studio: User) -> Dataset:
    rows = [{"prompt": f"Where is {i}, and who?", "completion": f"Over there, {i}."} for i in range(60)]
    rows[7]["completion"], rows[9]["completion"] = "At the FOOL's house.", "Ask the dunce, fool."
    content = "\n".join(map(json.dumps, rows)).encode()
    return datasets.add(studio, uploads.save(studio, "talk.jsonl", io.BytesIO(content)), name="talk")


def test_the_rows_are_dropped_and_the_version_says_for_which_words(studio: User, talk: Dataset) -> None:
    named = words.of_text("idiot\nfool\ndunce")
    assert "listed_words" not in {one.check.key for one in report.of_dataset(studio, "talk").found}
    seen = report.of_dataset(studio, "talk", words=named)
    assert report.of_dataset(studio, "talk", words=words.of_text("idiot\nfool\ndunce")) is seen
    assert next(one for one in seen.found if one.check.key == "listed_words").finding.rows == (8, 10)
    with pytest.raises(BadInput, match="“listed_words” needs a list of words"):
        fixing.fix(studio, "talk", ["listed_words"])
    made = fixing.fix(studio, "talk", ["listed_words"], words=named)
    assert made.n_rows == 58
    (step,) = datasets.get(studio, made.name).fixes
    assert (step["check"], step["n_dropped"], step["words"]) == ("listed_words", 2, ["fool", "dunce"])
    assert "Words from your list" in report.of_dataset(studio, made.name, words=named).clean
