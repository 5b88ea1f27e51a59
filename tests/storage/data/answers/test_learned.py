"""What a result learned from its teacher becomes a dataset, with the dropped answers beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from storage import db
from storage.bases import base_models
from storage.data import datasets, row_files
from storage.data.answers import dropped, learned
from storage.data.answers.dropped import DroppedAnswer
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, Dataset, JobInput, User
from templates import registry
from templates.errors import BadInput, Conflict, NotFound

MakeArtifact = Callable[[str], Artifact]


@pytest.fixture
def make_artifact(studio: User, store_dataset: Callable[..., Dataset]) -> MakeArtifact:
    """`make_artifact(name)` publishes a result without weights."""
    data, base = store_dataset("prompts", "text", [{"text": "a"}] * 4), base_models.get(studio, "studio-nano")

    def make(name: str) -> Artifact:
        inputs = [JobInput(role="base", base_model_id=base.id), JobInput(role="training", dataset_id=data.id)]
        job = jobs.submit(studio, name=name, kind="train", spec={"n": name}, inputs=inputs)
        facts = {"recipe": {}, "weights_sha256": "w", "verdict": {}}
        with db.writing() as session:
            made = Artifact(
                owner_id=studio.id,
                name=name,
                job_id=job.id,
                attempt=1,
                kind="adapter",
                facts=facts,
                location=f"artifacts/{job.id}/1",
                manifest_sha256="",
                size_bytes=1,
                duration_s=1.0,
                created_at=db.clock(session),
            )
            session.add(made)
        return made

    return make


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


def test_the_answers_become_a_dataset_as_often_as_wanted(studio: User, make_artifact: MakeArtifact) -> None:
    learned_by(make_artifact("taught"))
    made = learned.keep(studio, "taught", name="answers")
    assert [(row["completion"], row["held_out"]) for row in datasets.rows(made)] == [("yes", False), ("yes", True)]
    assert made.teacher == {"name": "wise", "license": "MIT"}
    assert made.source_filename == "answers of wise to prompts, kept with taught"
    assert made.instruction == "Be brief."
    assert [one.filter for one in dropped.of(made)] == ["refusals"]
    assert learned.keep(studio, "taught", name="again").sha256 == made.sha256
    with pytest.raises(Conflict, match="answers"):
        learned.keep(studio, "taught", name="answers")


def test_results_without_answers_and_of_others_are_refused(studio: User, make_artifact: MakeArtifact) -> None:
    make_artifact("plain")
    with pytest.raises(BadInput, match="learned no answers"):
        learned.keep(studio, "plain", name="answers")
    with pytest.raises(NotFound):
        learned.keep(studio, "nobody", name="answers")
