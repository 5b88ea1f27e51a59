"""A dataset beside the one that its models are to be tested on."""

from __future__ import annotations

import io
import json
from random import Random

import pytest

from app.cli import main
from storage.data import datasets, uploads
from storage.data.health import fixing, report
from storage.models import User
from templates.errors import BadInput

_DRAWN = Random(3)
_WORDS = ["".join(_DRAWN.choices("abcdefghijklmnop", k=6)) for _ in range(300)]
LEARNED = [" ".join(_DRAWN.choices(_WORDS, k=12)) for _ in range(90)]
TESTED = ["WHO PAYS FOR IT?", LEARNED[7].upper(), f"{LEARNED[41]}, please", "Is there a fee at all?"]


@pytest.fixture
def pair(studio: User) -> User:
    for name, prompts in (("learned", LEARNED), ("tested", TESTED)):
        rows = "".join(json.dumps({"prompt": p, "completion": f"answer {i}"}) + "\n" for i, p in enumerate(prompts))
        upload = uploads.save(studio, f"{name}.jsonl", io.BytesIO(rows.encode()))
        datasets.add(studio, upload, name=name)
    return studio


def numbers(user: User, *places: int) -> set[int]:
    """Row numbers of those that are trained on."""
    learned = {row["source_row"] for row in datasets.rows(datasets.get(user, "learned"), side="training")}
    return {place + 1 for place in places} & learned


def test_rows_that_the_evaluation_set_asks_for_are_found_and_dropped(pair: User) -> None:
    assert "evaluation_overlap" not in {one.check.key for one in report.of_dataset(pair, "learned").found}
    seen = report.of_dataset(pair, "learned", against="tested")
    found = next(one for one in seen.found if one.check.key == "evaluation_overlap")
    assert set(found.finding.rows) == numbers(pair, 7, 41)
    assert found.finding.rows
    assert found.level == "misleading"
    assert "like evaluation row" in found.finding.examples[0].text
    made = fixing.fix(pair, "learned", ["evaluation_overlap"], against="tested")
    assert made.n_rows == len(LEARNED) - len(found.finding.rows)
    again = report.of_dataset(pair, made.name, against="tested")
    assert "Overlap with the evaluation set" in again.clean


def test_only_training_rows_count(pair: User) -> None:
    seen = report.of_dataset(pair, "tested", against="learned")
    held_out = {row["source_row"] for row in datasets.rows(datasets.get(pair, "tested"), side="held_out")}
    assert not any(held_out & set(one.finding.rows) for one in seen.found if one.check.key == "evaluation_overlap")


def test_what_can_not_be_compared_is_refused(pair: User) -> None:
    with pytest.raises(BadInput, match="is the dataset itself"):
        report.of_dataset(pair, "learned", against="learned")
    with pytest.raises(BadInput, match="needs an evaluation set"):
        fixing.fix(pair, "learned", ["evaluation_overlap"])


def test_by_command(pair: User, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "learned", "--against", "tested"]) == 0
    assert "of the evaluation set" in capsys.readouterr().out
    assert main(["data", "check", "learned", "--against", "nowhere"]) == 2
    assert "There is no dataset “nowhere”" in capsys.readouterr().err
