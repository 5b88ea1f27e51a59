"""A published result that learned a teacher's answers: two kept and one dropped."""

from __future__ import annotations

import json
from typing import Any

from storage import db
from storage.bases import base_models
from storage.data import row_files
from storage.data.answers import dropped, learned
from storage.data.answers.dropped import DroppedAnswer
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, Job, JobInput, JobState, User
from templates import registry


def publish(user: User, name: str, *, with_answers: bool = True) -> Artifact:
    """A result without weights."""
    base = base_models.get(user, "studio-nano")
    job = jobs.submit(
        user, name=name, kind="train", spec={"n": name}, inputs=[JobInput(role="base", base_model_id=base.id)]
    )
    facts: dict[str, Any] = {"recipe": {}, "weights_sha256": "w", "verdict": {}}
    with db.writing() as session:
        made = Artifact(
            owner_id=user.id,
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
        done = session.get_one(Job, job.id)
        done.state, done.artifact_id = JobState.SUCCEEDED, made.id
    if with_answers:
        _write(made)
    return made


def _write(artifact: Artifact) -> None:
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
