"""A training whose result chooses among labels: judged by their probabilities, and published with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard, colour_rows

from templates.recipe import compose
from workers.programs import train
from workers.protocol import Done, Order
from workers.training.task import read

MakeOrder = Callable[..., Order]


def rows_with_an_unseen_label(n_rows: int) -> list[dict[str, Any]]:
    """As usual, but one held-out row has a label of its own."""
    rows = colour_rows(n_rows)
    next(row for row in rows if row["held_out"])["label"] = "mauve"
    return rows


def test_a_result_chooses_among_labels(make_order: MakeOrder, heard: Heard) -> None:
    rows = rows_with_an_unseen_label(160)
    order = make_order(objective="classification", rows=rows, eval_rows=24, max_steps=6, eval_steps=6)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    every_answer_is_a_label_of_the_training_rows(order, done.result)
    choices_are_made_on_rows_that_were_not_learned(order, done.result)
    the_labels_are_part_of_the_result(order, done.result)


def every_answer_is_a_label_of_the_training_rows(order: Order, result: dict[str, Any]) -> None:
    colours = {"red", "green", "blue", "white"}
    answers = [json.loads(line) for line in (Path(order.staging) / "evaluation" / "answers.jsonl").open()]
    assert len(answers) == 24
    assert {answer["base"] for answer in answers} | {answer["adapted"] for answer in answers} <= colours
    assert result["headline"] == "label_accuracy"
    assert result["unknown_labels"] == {"base": 0.0, "adapted": 0.0}
    found = result["classification"]
    assert found["unseen"] == {"mauve": 1}
    assert {one["label"] for one in found["labels"]} == colours | {"mauve"}
    right = sum(one["n"] for one in found["confusions"] if one["expected"] == one["given"])
    assert right / 24 == pytest.approx(result["metrics"]["label_accuracy"]["adapted"]["value"])


def choices_are_made_on_rows_that_were_not_learned(order: Order, result: dict[str, Any]) -> None:
    task = read(order)
    numbers = [{row["source_row"] for row in side} for side in (task.train, task.selection, task.held_out)]
    assert len(task.selection) == 13
    assert not numbers[0] & numbers[1]
    assert not numbers[1] & numbers[2]
    assert result["classification"]["sure"]["n_selected"] == 13


def the_labels_are_part_of_the_result(order: Order, result: dict[str, Any]) -> None:
    kept = json.loads((Path(order.staging) / "labels.json").read_text("utf-8"))
    assert kept["labels"] == ["blue", "green", "red", "white"]
    assert len(kept["tokens"]) == 4
    assert kept["temperature"] == result["classification"]["calibration"]["temperature"]
    assert kept["threshold"] == result["classification"]["sure"]["threshold"]
    card = (Path(order.staging) / "README.md").read_text("utf-8")
    assert "one of the 4 labels" in card
    assert "Macro-F1" in card


@pytest.mark.long
def test_other_objectives_answer_freely(make_order: MakeOrder, heard: Heard) -> None:
    order = make_order(max_steps=2)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert done.result["classification"] is None
    assert not (Path(order.staging) / "labels.json").exists()
    assert not compose("sft", "lora").training().sets_apart


@pytest.mark.long
@pytest.mark.parametrize("method", ["lora", "prompt_tuning", "full"])
def test_the_download_says_the_same_label(
    make_order: MakeOrder, heard: Heard, nano_folder: Path, tmp_path: Path, method: str
) -> None:
    order = make_order(
        base=nano_folder,
        objective="classification",
        method=method,
        rows=colour_rows(120),
        eval_rows=24,
        max_steps=24,
        learning_rate=3e-3 if method != "full" else 3e-4,
    )
    done = train.run(order, heard)
    assert isinstance(done, Done)
    folder = Path(order.staging)
    if method == "lora":
        assert done.result["verdict"] == "better"
    answers = [json.loads(line) for line in (folder / "evaluation" / "answers.jsonl").open()]
    for answer in answers[:2]:
        ran = subprocess.run(
            [sys.executable, "-P", str(folder / "use_me.py"), answer["prompt"]],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": "", "OMP_NUM_THREADS": "1"},
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith(f"{answer['adapted']} (")
