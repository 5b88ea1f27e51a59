"""Nested layouts become flat rows; what does not fit them is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from storage.data import intake
from storage.data.intake import layouts
from storage.data.intake.findings import Findings
from storage.data.intake.looking import read
from templates.errors import BadInput

SQUAD = {
    "version": "1.1",
    "data": [
        {
            "title": "Harbour",
            "paragraphs": [
                {
                    "context": "The harbour opened in 1901.",
                    "qas": [
                        {"id": "a", "question": "When?", "answers": [{"text": "1901"}, {"text": "in 1901"}]},
                        {"id": "b", "question": "Who?", "answers": [], "is_impossible": True},
                    ],
                },
                {"context": "It is deep.", "qas": [{"id": "c", "question": "How?", "answers": [{"text": "deep"}]}]},
            ],
        },
        {"title": "Empty", "paragraphs": []},
    ],
}  # fmt: skip


def looked(path: Path, content: Any) -> intake.Look:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return intake.look(path, path.name)


def rows(look: intake.Look) -> list[tuple[int, dict[str, Any]]]:
    return [(row.number, row.values) for row in read(look.source, Findings(look.source.filename))]


def test_each_question_of_squad_is_a_row_with_its_paragraph(tmp_path: Path) -> None:
    look = looked(tmp_path / "squad.json", SQUAD)
    found = rows(look)
    assert [number for number, _ in found] == [1, 2, 3]
    assert [(row["question"], row["answer"]) for _, row in found] == [
        ("When?", "1901"),
        ("Who?", None),
        ("How?", "deep"),
    ]
    guess = intake.guess(look)
    assert (guess.shape, guess.mapping) == (
        "prompt_completion",
        {"prompt": "context + question", "completion": "answer"},
    )
    assert any("Laid out as SQuAD" in remark.message for remark in look.remarks)


def test_each_instance_is_a_row_with_its_instruction(tmp_path: Path) -> None:
    items = [
        {"id": 1, "instruction": "Add.", "instances": [{"input": "1 2", "output": "3"}, {"input": "", "output": "0"}]},
        {"id": 2, "instruction": "Greet.", "instances": [{"output": "Hello."}]},
    ]
    look = looked(tmp_path / "seed.jsonl", "\n".join(json.dumps(item) for item in items))
    assert [(row["instruction"], row["input"], row["output"]) for _, row in rows(look)] == [
        ("Add.", "1 2", "3"),
        ("Add.", "", "0"),
        ("Greet.", None, "Hello."),
    ]


def test_each_task_of_label_studio_is_a_row_with_its_choices(tmp_path: Path) -> None:
    def task(number: int, *chosen: str) -> dict[str, Any]:
        result = [{"from_name": "mood", "type": "choices", "value": {"choices": list(chosen)}}] if chosen else []
        annotations = [{"id": 1, "result": result}] if chosen else []
        return {"id": number, "data": {"comment": f"text number {number}"}, "annotations": annotations}

    tasks = [task(n, ("good", "bad")[n % 2]) for n in range(8)]
    look = looked(tmp_path / "tasks.json", [*tasks, task(8), task(9, "good", "bad")])
    moods = [row.get("mood") for _, row in rows(look)]
    assert (moods[:2], moods[8:]) == ([["good"], ["bad"]], [None, ["good", "bad"]])
    guess = intake.guess(look)
    assert (guess.shape, guess.mapping) == ("classification", {"text": "comment", "label": "mood"})


def test_an_item_laid_out_otherwise_is_named(tmp_path: Path) -> None:
    items = [{"instruction": "Add.", "instances": [{"input": "1", "output": "1"}]}, {"instruction": "Add."}]
    with pytest.raises(BadInput, match=r"row 2.*does not have the Self-Instruct layout"):
        looked(tmp_path / "seed.jsonl", "\n".join(json.dumps(item) for item in items))


@pytest.mark.parametrize(
    "values",
    [
        {"text": "a", "label": "b"},
        {"paragraphs": ["a text", "another"]},
        {"paragraphs": [{"context": "x", "qas": "none"}]},
        {"instruction": "a", "instances": 3},
        {"instances": [{"output": "a"}]},
        {},
    ],
)
def test_flat_rows_have_no_layout(values: dict[str, Any]) -> None:
    assert layouts.find(values) is None


def test_every_layout_says_what_it_makes() -> None:
    for key, layout in layouts.layouts().items():
        assert layout.key == key
        assert layout.title in layout.says
        assert layout.page
