"""What a result learned from its teacher becomes a dataset, with the dropped answers beside it."""

from __future__ import annotations

import pytest

from storage.data import datasets
from storage.data.answers import dropped, learned
from storage.models import User
from templates.errors import BadInput, Conflict, NotFound
from tests.storage.data.answers import taught


def test_the_answers_become_a_dataset_as_often_as_wanted(studio: User) -> None:
    taught.publish(studio, "taught")
    made = learned.keep(studio, "taught", name="answers")
    assert [(row["completion"], row["held_out"]) for row in datasets.rows(made)] == [("yes", False), ("yes", True)]
    assert made.teacher == {"name": "wise", "license": "MIT"}
    assert made.source_filename == "answers of wise to prompts, kept with taught"
    assert made.instruction == "Be brief."
    assert [one.filter for one in dropped.of(made)] == ["refusals"]
    assert learned.keep(studio, "taught", name="again").sha256 == made.sha256
    with pytest.raises(Conflict, match="answers"):
        learned.keep(studio, "taught", name="answers")


def test_results_without_answers_and_unknown_ones_are_refused(studio: User) -> None:
    taught.publish(studio, "plain", with_answers=False)
    with pytest.raises(BadInput, match="learned no answers"):
        learned.keep(studio, "plain", name="answers")
    with pytest.raises(NotFound):
        learned.keep(studio, "nobody", name="answers")
