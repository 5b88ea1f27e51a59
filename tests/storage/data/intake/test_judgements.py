"""Preference data in the layouts in use becomes rows of one form; what can't be learned from is named."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from storage.data import intake
from storage.data.intake.findings import Findings
from storage.data.intake.guessing import Guess
from templates import registry
from tests.storage.data.intake.test_guessing import looked_at
from tests.storage.rendering.tool_talk import call, tool

Rows = list[dict[str, Any]]
ASKED = "Where is Bern?"
CALLING = {"role": "assistant", "content": None, "tool_calls": [call("Bern")]}


def said(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "content": content}


SYSTEM, USER, GOOD, BAD = (
    said("system", "Be brief."),
    said("user", ASKED),
    said("assistant", "In Switzerland."),
    said("assistant", "No idea."),
)
TALK = [USER, said("assistant", "Which one?"), said("user", "The town.")]
PAIR = {"prompt": [USER], "chosen": "In Switzerland.", "rejected": "No idea."}
SPOKEN = f"\n\nHuman: {ASKED}\n\nAssistant: Which one?\n\nHuman: The town.\n\nAssistant:"


def gpt(text: str) -> dict[str, Any]:
    return {"from": "gpt", "value": text}


def read(
    tmp_path: Path, rows: Rows, filename: str = "x.jsonl", shape: str | None = None
) -> tuple[Guess, Rows, Findings]:
    """The guess, the rows that fit, and what was found."""
    look = looked_at(tmp_path, filename, rows)
    guess = intake.guess(look, shape)
    findings = Findings(filename)
    made = intake.shaped(look, registry.shape(guess.shape), guess.mapping, findings)
    return guess, [row for _, row in made], findings


PAIRED = {
    "texts": ({"prompt": ASKED, "chosen": "In Switzerland.", "rejected": "No idea."}, PAIR),
    "messages": ({"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]}, PAIR),
    "implicit": ({"chosen": [*TALK, GOOD], "rejected": [*TALK, BAD]}, {**PAIR, "prompt": TALK}),
    "with a system message": (
        {"chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]},
        {**PAIR, "prompt": [SYSTEM, USER]},
    ),
    "hh": (
        {"chosen": f"{SPOKEN} In Switzerland.", "rejected": f"{SPOKEN} No idea."},
        {**PAIR, "prompt": TALK},
    ),
    "hh with its prompt": (
        {"prompt": SPOKEN, "chosen": " In Switzerland.", "rejected": " No idea."},
        {"prompt": TALK, "chosen": " In Switzerland.", "rejected": " No idea."},
    ),
    "ultrafeedback": (
        {
            "prompt": ASKED, "prompt_id": "a1", "chosen": [USER, GOOD], "rejected": [USER, BAD],
            "messages": [USER, GOOD], "score_chosen": 8.5, "score_rejected": 4.0,
        },
        PAIR,
    ),
    "orca": (
        {"system": "Be brief.", "question": ASKED, "chosen": "In Switzerland.", "rejected": "No idea."},
        {**PAIR, "prompt": [SYSTEM, USER]},
    ),
    "orca as messages": (
        {"system": "Be brief.", "question": ASKED, "chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]},
        {**PAIR, "prompt": [SYSTEM, USER]},
    ),
    "alpaca": (
        {"instruction": "Where is it?", "input": "Bern", "chosen": "In Switzerland.", "rejected": "No idea."},
        {**PAIR, "prompt": [said("user", "Where is it?\n\nBern")]},
    ),
    "sharegpt": (
        {
            "conversations": [{"from": "human", "value": ASKED}],
            "chosen": gpt("In Switzerland."), "rejected": gpt("No idea."),
        },
        PAIR,
    ),
    "with tools": (
        {
            "prompt": [USER, CALLING, said("tool", "46.9 N")], "chosen": [GOOD], "rejected": [BAD],
            "tools": [tool("find_town")],
        },
        {**PAIR, "prompt": [USER, CALLING, said("tool", "46.9 N")], "tools": [tool("find_town")]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", PAIRED)
def test_every_layout_of_pairs_becomes_the_same_rows(tmp_path: Path, layout: str) -> None:
    given, wanted = PAIRED[layout]
    guess, rows, findings = read(tmp_path, [given] * 3)
    assert guess.shape == "preference"
    assert findings.problems == []
    assert rows == [wanted] * 3


def test_a_table_holds_texts_and_messages_as_json(tmp_path: Path) -> None:
    texts = [{"prompt": f"{ASKED} {i}", "chosen": "yes", "rejected": "no"} for i in range(3)]
    guess, rows, findings = read(tmp_path, texts, "x.csv")
    assert (guess.shape, findings.remarks) == ("preference", [])
    assert rows[2] == {"prompt": [said("user", f"{ASKED} 2")], "chosen": "yes", "rejected": "no"}
    lists = [{"prompt": json.dumps([SYSTEM, USER]), "chosen": json.dumps([GOOD]), "rejected": json.dumps([BAD])}] * 3
    _, rows, findings = read(tmp_path, lists, "x.csv")
    assert rows == [{**PAIR, "prompt": [SYSTEM, USER]}] * 3
    assert [(remark.message, remark.count) for remark in findings.remarks] == [
        (f"“{name}” holds JSON texts of messages; they were read as messages.", 3)
        for name in ("prompt", "chosen", "rejected")
    ]


def test_beside_messages_a_text_is_taken_as_it_is(tmp_path: Path) -> None:
    answer = f"{SPOKEN} In Switzerland."
    _, rows, findings = read(tmp_path, [{"prompt": [USER], "chosen": answer, "rejected": "Human: me"}] * 2)
    assert [row["chosen"] for row in rows] == [answer] * 2
    assert findings.remarks == []
    given = {"prompt": "Human: I said so", "chosen": "[1, 2]", "rejected": "Human: me"}
    _, rows, findings = read(tmp_path, [given] * 2)
    assert rows[0] == {"prompt": [said("user", "Human: I said so")], "chosen": "[1, 2]", "rejected": "Human: me"}
    assert findings.remarks == []


OTHER = [said("user", "Where is Oslo?")]
REFUSED = {
    "the same answer": ({**PAIR, "rejected": "In Switzerland. "}, "rejected", "is the same answer as “chosen”"),
    "no answer": ({**PAIR, "chosen": " "}, "chosen", "contains only whitespace"),
    "no rejected answer": ({**PAIR, "rejected": None}, "rejected", "is missing or null"),
    "no turns": ({**PAIR, "rejected": []}, "rejected", "is an empty list"),
    "an empty turn": (
        {"chosen": [USER, said("assistant", "")], "rejected": [USER, BAD]}, "chosen[1].content", "is empty",
    ),
    "no prompt": ({"prompt": "", "chosen": [GOOD], "rejected": [BAD]}, "chosen", "there is no prompt"),
    "a system message alone": ({"chosen": [SYSTEM, GOOD], "rejected": [SYSTEM, BAD]}, "chosen", "has no question"),
    "other turns": (
        {"chosen": [*TALK, GOOD], "rejected": [USER, said("assistant", "Bern?"), TALK[2], BAD]},
        "rejected",
        "has different turns before its answer from “chosen”, starting at turn 2",
    ),
    "fewer turns": ({"chosen": [*TALK, GOOD], "rejected": [USER, BAD]}, "rejected", "starting at turn 2"),
    "another prompt": (
        {"prompt": OTHER, "chosen": [USER, GOOD], "rejected": [USER, BAD]},
        "prompt",
        "is not the same as the turns before the answer in “chosen”",
    ),
    "two system messages": (
        {"prompt": [said("system", "Be long."), USER], "chosen": [SYSTEM, USER, GOOD], "rejected": [SYSTEM, USER, BAD]},
        "prompt",
        "is not the system message that “chosen” has",
    ),
    "a call": (
        {"prompt": [USER], "chosen": [GOOD], "rejected": [CALLING]}, "rejected[0]", "the answer calls a tool",
    ),
    "reasoning": (
        {**PAIR, "chosen": [{**GOOD, "reasoning": "Hm."}]}, "chosen[0]", "contains reasoning beside its text",
    ),
    "a prompt that ends with an answer": ({**PAIR, "prompt": [USER, GOOD]}, "prompt", "ends with the assistant's turn"),
    "an answer that ends with a question": ({**PAIR, "chosen": [GOOD, USER]}, "chosen", "ends with the user's turn"),
    "a number": ({**PAIR, "rejected": 4.5}, "rejected", "holds a number (4.5) where text is needed"),
    "an object": ({**PAIR, "rejected": {"text": "No."}}, "rejected[0].role", "the role is null"),
    "hh that ends with a question": (
        {"prompt": None, "chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c", "rejected": "no"},
        "chosen",
        "ends with the user's turn",
    ),
}  # fmt: skip


@pytest.mark.parametrize("flaw", REFUSED)
def test_what_can_t_be_learned_from_is_named(tmp_path: Path, flaw: str) -> None:
    given, field, message = REFUSED[flaw]
    good = {"prompt": None, **dict.fromkeys(given), **PAIR}
    _, rows, findings = read(tmp_path, [good, given, good])
    assert [(problem.row, problem.field) for problem in findings.problems] == [(2, field)]
    assert message in findings.problems[0].message
    assert findings.problems[0].remedy or "role" in field or "content" in field
    assert rows == [PAIR, PAIR]
    assert findings.refused_rows == {2}


JUDGED = {
    "texts": ({"prompt": ASKED, "completion": "In Switzerland.", "label": True}, {"prompt": [USER], "label": True}),
    "messages": (
        {"prompt": [SYSTEM, USER], "completion": [GOOD], "label": False},
        {"prompt": [SYSTEM, USER], "label": False},
    ),
    "implicit": ({"conversations": [*TALK, GOOD], "kto_tag": False}, {"prompt": TALK, "label": False}),
    "alpaca": (
        {"instruction": ASKED, "input": "", "output": "In Switzerland.", "kto_tag": True},
        {"prompt": [USER], "label": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", JUDGED)
def test_every_layout_of_single_judgements_becomes_the_same_rows(tmp_path: Path, layout: str) -> None:
    given, wanted = JUDGED[layout]
    guess, rows, findings = read(tmp_path, [given] * 3)
    assert (guess.shape, findings.problems) == ("unpaired_preference", [])
    assert rows == [{"completion": "In Switzerland.", **wanted}] * 3


@pytest.mark.parametrize("filename", ["x.csv", "x.jsonl"])
@pytest.mark.parametrize("pair", [("True", "False"), ("true", "false"), ("1", "0"), (1, 0)])
def test_a_judgement_in_other_words_is_read_and_said(tmp_path: Path, filename: str, pair: tuple[Any, Any]) -> None:
    given = [{"prompt": ASKED, "completion": f"a {i}", "label": pair[i % 2]} for i in range(4)]
    guess, rows, findings = read(tmp_path, given, filename)
    assert guess.shape == "unpaired_preference"
    assert [row["label"] for row in rows] == [True, False] * 2
    assert [(r.message, r.count) for r in findings.remarks] == [
        ("“label” holds texts or numbers: true and 1 were read as true, false and 0 as false.", 4)
    ]


def test_what_is_no_judgement_is_named(tmp_path: Path) -> None:
    given = [{"prompt": ASKED, "completion": "a", "label": label} for label in (True, "maybe", 2, None, "", [], 1.0)]
    _, rows, findings = read(tmp_path, given, shape="unpaired_preference")
    assert [(p.row, p.field) for p in findings.problems] == [(row, "label") for row in range(2, 8)]
    assert "is “maybe”, neither true nor false." in findings.problems[0].message
    assert [row["label"] for row in rows] == [True]


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({"text": "t{i}", "label": "ab"}, "classification"),
        ({"text": "t{i}", "label": "01"}, "classification"),
        ({"prompt": "q{i}", "completion": "a{i}", "label": "ab"}, "prompt_completion"),
        ({"question": "q{i}", "answer": "a{i}", "label": "01"}, "prompt_completion"),
        ({"completion": "a{i}", "label": "01"}, "classification"),
        ({"prompt": "q{i}", "chosen": "a{i}"}, "prompt_completion"),
        ({"prompt": "q{i}", "completion": "a{i}", "label": "01"}, "unpaired_preference"),
        ({"prompt": "q{i}", "chosen": "a{i}", "rejected": "b{i}"}, "preference"),
    ],
)
def test_other_files_are_guessed_as_before(tmp_path: Path, given: dict[str, str], shape: str) -> None:
    rows = [
        {name: form[i % 2] if name == "label" else form.format(i=i) for name, form in given.items()} for i in range(60)
    ]
    assert intake.guess(looked_at(tmp_path, "x.csv", rows)).shape == shape


def test_conversations_with_some_label_stay_conversations(tmp_path: Path) -> None:
    rows = [{"messages": [USER, GOOD], "label": i % 2 == 0} for i in range(4)]
    assert intake.guess(looked_at(tmp_path, "x.jsonl", rows)).shape == "messages"
    open_prompt = [{"prompt": f"q {i}", "parts": ["a"]} for i in range(3)]
    assert intake.guess(looked_at(tmp_path, "x.jsonl", open_prompt)).shape == "prompt_completion"


def test_a_judgement_is_read_from_one_column(tmp_path: Path) -> None:
    look = looked_at(tmp_path, "x.jsonl", [{"prompt": "q", "completion": "a", "label": True, "other": True}] * 2)
    mapping = {"prompt": "prompt", "completion": "completion", "label": "label + other"}
    found = intake.check_mapping(look, registry.shape("unpaired_preference"), mapping)
    assert [(problem.field, problem.message) for problem in found] == [("label", "takes one column, not several.")]


@pytest.mark.parametrize("broken", [str([USER]), json.dumps([USER])[:-2], '[{"role": "user", "role": "user"}]'])
def test_broken_messages_in_a_table_are_no_text(tmp_path: Path, broken: str) -> None:
    rows = [{"prompt": broken if i == 1 else ASKED, "chosen": "yes", "rejected": "no"} for i in range(3)]
    _, made, findings = read(tmp_path, rows, "x.csv")
    assert [(problem.row, problem.field) for problem in findings.problems] == [(3, "prompt")]
    assert findings.problems[0].message.startswith("looks like messages, but ")
    assert "JSON lines or Parquet" in str(findings.problems[0])
    assert len(made) == 2


def test_no_text_takes_long(tmp_path: Path) -> None:
    blanks = " " * 400_000
    texts = (f"{blanks}[x", f"[{blanks}x", f"{blanks}Human:{blanks}", "\n\nHuman:" * 4_000, "[" * 300_000)
    rows = [{"prompt": text, "chosen": f"{text}y", "rejected": text} for text in texts]
    read(tmp_path, rows)  # the first time libraries are loaded
    begin = time.process_time()
    read(tmp_path, rows)
    assert time.process_time() - begin < 3
