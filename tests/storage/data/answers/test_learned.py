"""What a result learned from its teacher becomes a dataset, with the dropped answers beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from storage.data import datasets, row_files
from storage.data.answers import dropped, learned
from storage.data.answers.dropped import DroppedAnswer
from storage.gallery import artifacts
from storage.models import Artifact, User
from templates import registry
from templates.errors import BadInput, Conflict, NotFound

StoreArtifact = Callable[..., Artifact]


def learned_by(artifact: Artifact) -> None:
    """Put two kept answers and a dropped one into the artifact's folder, as a training does."""
    folder, shape = artifacts.folder(artifact) / learned.FOLDER, registry.shape("prompt_completion")
    folder.mkdir(parents=True)
    rows = [(n, {"prompt": f"{n}?", "completion": "yes", "system": None}) for n in (2, 3)]
    row_files.write(folder / "rows.parquet", shape, row_files.batches(shape, rows), [False, True])
    with (folder / "dropped.jsonl").open("wb") as file:
        row = {"prompt": "4?", "completion": "I cannot", "system": None}
        dropped.write(file, [DroppedAnswer(4, 4, "refusals", "It begins “I cannot”.", False, row)])
    told: dict[str, Any] = {
        "file": "rows.parquet",
        "dropped_file": "dropped.jsonl",
        "teacher": {"name": "wise", "license": "MIT"},
        "source": "answers of wise to prompts",
        "shape": "prompt_completion",
        "n_rows": 2,
        "n_held_out": 1,
        "split_seed": 42,
        "instruction": "Be brief.",
        "remarks": [],
    }
    (folder / learned.DATASET).write_text(json.dumps(told), "utf-8")


def test_the_answers_become_a_dataset_as_often_as_wanted(studio: User, make_artifact: StoreArtifact) -> None:
    artifact = make_artifact(studio, "taught")
    learned_by(artifact)
    made = learned.keep(studio, "taught", name="answers")
    assert [(row["completion"], row["held_out"]) for row in datasets.rows(made)] == [("yes", False), ("yes", True)]
    assert made.teacher == {"name": "wise", "license": "MIT"}
    assert made.source_filename == "answers of wise to prompts, kept with taught"
    assert made.instruction == "Be brief."
    assert [one.filter for one in dropped.of(made)] == ["refusals"]
    assert learned.keep(studio, "taught", name="again").sha256 == made.sha256
    with pytest.raises(Conflict, match="answers"):
        learned.keep(studio, "taught", name="answers")


def test_results_without_answers_and_of_others_are_refused(studio: User, make_artifact: StoreArtifact) -> None:
    make_artifact(studio, "plain")
    with pytest.raises(BadInput, match="learned no answers"):
        learned.keep(studio, "plain", name="answers")
    with pytest.raises(NotFound):
        learned.keep(studio, "nobody", name="answers")
