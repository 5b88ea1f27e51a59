"""Trainings that ended, with their results as a worker leaves them in database and file store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from storage import db, files
from storage.data import datasets
from storage.jobs import workspaces
from storage.models import Artifact, Dataset, Job, JobState, User
from storage.planning import training
from storage.runs import row_outcomes
from storage.runs.row_outcomes import RowOutcomes
from storage.settings import settings

N_HELD_OUT = 40
WORDS = ("parcel", "refund", "invoice", "bicycle", "mirror", "ticket", "window", "garden", "engine", "pillow")
ROWS = [
    {"text": f"{WORDS[n % 10]} {WORDS[n // 10]} question {n}?", "label": "shipping" if n % 2 else "billing"}
    for n in range(80)
]
Ended = Callable[..., Job]


@pytest.fixture
def tickets(store_dataset: Callable[..., Dataset]) -> Dataset:
    return store_dataset("tickets", "classification", ROWS, N_HELD_OUT)


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - 0.1), "high": min(1.0, value + 0.1)}


def verdict(share: float) -> dict[str, Any]:
    pair = {"base": interval(0.1), "adapted": interval(share), "difference": interval(share - 0.1)}
    return {
        "verdict": "better",
        "sentence": "Better.",
        "headline": "label_accuracy",
        "metrics": {"label_accuracy": pair},
    }


def outcomes(dataset: Dataset, right: Sequence[bool], *, nll: float = 1.0) -> RowOutcomes:
    rows = datasets.rows(dataset, side="held_out")
    n = len(rows)
    return RowOutcomes(
        side=row_outcomes.side_of(rows, dataset.shape),
        row=[row["source_row"] for row in rows],
        group=list(range(n)),
        n_tokens=[4] * n,
        nll=[4 * nll + 0.01 * i for i in range(n)],
        right=list(right),
        similarity=[None] * n,
        prefers=[None] * n,
    )


@pytest.fixture
def ended(studio: User) -> Ended:
    """Makes a training that succeeded; `n_right` of its held-out rows are right, the first ones."""

    def make(name: str, dataset: Dataset, n_right: int, *, nll: float = 1.0, **choices: Any) -> Job:
        chosen: dict[str, Any] = {"base": "studio-nano", "objective": "sft", "method": "lora", "preset": "quick"}
        plan = training.plan(studio, dataset=dataset.name, **{**chosen, **choices})
        job = training.submit(studio, plan, name=name)
        location = workspaces.artifact_location(job.id, 1)
        folder = settings().files / location
        folder.mkdir(parents=True)
        right = [i < n_right for i in range(dataset.n_held_out)]
        row_outcomes.write(outcomes(dataset, right, nll=nll), folder)
        result = verdict(n_right / dataset.n_held_out)
        artifact = Artifact(
            owner_id=studio.id,
            name=name,
            job_id=job.id,
            attempt=1,
            kind="adapter",
            facts={"recipe": plan.recipe.model_dump(mode="json"), "weights_sha256": "ab" * 32, "verdict": result},
            location=location,
            manifest_sha256=files.seal(folder),
            size_bytes=1000,
            duration_s=1.0,
            created_at=job.created_at,
        )
        with db.writing() as session:
            session.add(artifact)
            row = session.get_one(Job, job.id)
            row.state, row.attempt, row.result, row.artifact_id = JobState.SUCCEEDED, 1, result, artifact.id
        return row

    return make
