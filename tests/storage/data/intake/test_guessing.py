"""Shape and columns are found by name, then by content, and the reason is given."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from storage.data import intake
from tests.storage.data.intake.bad_files import GOOD_CHAT


def looked_at(tmp_path: Path, filename: str, rows: list[dict[str, Any]]) -> intake.Look:
    path = tmp_path / "content"
    if filename.endswith(".csv"):
        sink = io.StringIO()
        writer = csv.DictWriter(sink, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(sink.getvalue())
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return intake.look(path, filename)


def many(**columns: str) -> list[dict[str, Any]]:
    return [{name: form.format(i=i, few=i % 3) for name, form in columns.items()} for i in range(30)]


@pytest.mark.parametrize(
    ("rows", "shape", "mapping"),
    [
        (many(text="t {i}", category="c{few}"), "classification", {"text": "text", "label": "category"}),
        (many(Utterance="t {i}", Intent="c{few}"), "classification", {"text": "Utterance", "label": "Intent"}),
        (
            many(question="q {i}", answer="a {i}"),
            "prompt_completion",
            {"prompt": "question", "completion": "answer"},
        ),
        (
            many(system="be brief", prompt="q {i}", completion="a {few}"),
            "prompt_completion",
            {"prompt": "prompt", "completion": "completion", "system": "system"},
        ),
        (
            many(instruction="do {i}", input="x {i}", output="y {i}"),
            "prompt_completion",
            {"prompt": "instruction + input", "completion": "output"},
        ),
        (many(body="t {i}"), "text", {"text": "body"}),
        (many(foo="a long text {i}", bar="b{few}"), "classification", {"text": "foo", "label": "bar"}),
        (many(foo="one {i}", bar="two {i}"), "prompt_completion", {"prompt": "foo", "completion": "bar"}),
        ([GOOD_CHAT] * 3, "messages", {"messages": "messages"}),
        ([{"id": i, "chat": GOOD_CHAT["messages"]} for i in range(3)], "messages", {"messages": "chat"}),
        ([{**GOOD_CHAT, "tools": "[]"}] * 3, "messages", {"messages": "messages", "tools": "tools"}),
        (
            [{"chat": GOOD_CHAT["messages"], "functions": [{"name": "f"}]}] * 3,
            "messages",
            {"messages": "chat", "tools": "functions"},
        ),
        (many(foo="one {i}", tools="two {i}"), "prompt_completion", {"prompt": "foo", "completion": "tools"}),
    ],
)
def test_guess(tmp_path: Path, rows: list[dict[str, Any]], shape: str, mapping: dict[str, str]) -> None:
    filename = "x.jsonl" if any(isinstance(v, list) for v in rows[0].values()) else "x.csv"
    guess = intake.guess(looked_at(tmp_path, filename, rows))
    assert (guess.shape, guess.mapping) == (shape, mapping)
    assert guess.reasons.keys() == mapping.keys()
    assert guess.shape_reason.endswith(".")


def test_a_given_shape_is_kept(tmp_path: Path) -> None:
    look = looked_at(tmp_path, "x.csv", many(text="t {i}", category="c{few}"))
    assert intake.guess(look, "text").mapping == {"text": "text"}
    assert intake.guess(look, "prompt_completion").mapping == {"prompt": "text", "completion": "category"}


def test_nothing_fits(tmp_path: Path) -> None:
    look = looked_at(tmp_path, "x.jsonl", [{"id": i, "parts": ["a"]} for i in range(3)])
    guess = intake.guess(look)
    assert guess.mapping == {}
    assert "choose" in guess.shape_reason
