"""Pages without a browser: requests as the guard lets them in, a small dataset, a finished job."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import gradio as gr
import pytest
from starlette.requests import Request

from storage import db, files
from storage.data import datasets, uploads
from storage.jobs import workspaces
from storage.models import Artifact, Dataset, Job, JobState, User
from storage.planning import training
from storage.settings import settings

LABELS = ("arrival", "lost", "refund", "limit")
Asking = Callable[..., gr.Request]


@pytest.fixture
def asking() -> Asking:
    """Makes the request of a page's event: `asking(user, data="tickets")`."""

    def ask(user: User | None, **query: str) -> gr.Request:
        scope: dict[str, Any] = {"type": "http", "headers": [], "query_string": urlencode(query).encode()}
        if user:
            scope["studio_user"] = user
        return gr.Request(request=Request(scope))

    return ask


def csv(n_rows: int = 60) -> bytes:
    """Texts and labels."""
    rows = [f"where is my {LABELS[i % 4]} number {i}?,{LABELS[i % 4]}" for i in range(n_rows)]
    return "\n".join(["text,category", *rows]).encode()


@pytest.fixture
def tickets(studio: User) -> Dataset:
    """A dataset of texts and labels."""
    return datasets.add(studio, uploads.save(studio, "tickets.csv", io.BytesIO(csv())), name="tickets")


@pytest.fixture
def letters(studio: User) -> Dataset:
    """A dataset of plain texts."""
    file = io.BytesIO("".join(f"Dear Ann, the parcel {i} has come.\n\n" for i in range(30)).encode())
    return datasets.add(studio, uploads.save(studio, "letters.txt", file), name="letters", shape="text")


INTERVAL = {"value": 0.8, "low": 0.7, "high": 0.9}
PAIR = {"base": {"value": 0.1, "low": 0.0, "high": 0.2}, "adapted": INTERVAL, "difference": INTERVAL}
VERDICT = {
    "verdict": "better",
    "sentence": "Better. Label accuracy 80 % <b>against</b> 10 %.",
    "headline": "label_accuracy",
    "metrics": {"loss": PAIR, "perplexity": PAIR, "label_accuracy": PAIR},
    "n_rows": 6,
    "what_would_help": None,
    "remarks": [],
}
ANSWERS = [
    {"row": 4, "prompt": "where is it?", "expected": "lost", "base": "<script>alert(1)</script>", "adapted": "lost",
     "change": "better", "loss_base": 3.0, "loss_adapted": 0.1},
    {"row": 9, "prompt": "my limit?", "expected": "limit", "base": "limit", "adapted": "limit", "change": "same",
     "loss_base": 0.5, "loss_adapted": 0.4},
]  # fmt: skip


def plan(user: User) -> training.Plan:
    """A plan for the tickets."""
    return training.plan(user, base="studio-nano", dataset="tickets", objective="sft", method="lora", preset="quick")


@pytest.fixture
def finished(studio: User, tickets: Dataset) -> tuple[Job, Artifact]:
    """A job that ended well, and its result, as a worker leaves them in database and file store."""
    planned = plan(studio)
    job = training.submit(studio, planned, name="tickets-lora")
    location = workspaces.artifact_location(job.id, 1)
    folder = settings().files / location
    (folder / "evaluation").mkdir(parents=True)
    (folder / "evaluation" / "answers.jsonl").write_text("\n".join(map(json.dumps, ANSWERS)))
    artifact = Artifact(
        owner_id=studio.id,
        name="tickets-lora",
        job_id=job.id,
        attempt=1,
        kind="adapter",
        facts={"recipe": planned.recipe.model_dump(mode="json"), "weights_sha256": "ab" * 32, "verdict": VERDICT},
        location=location,
        manifest_sha256=files.seal(folder),
        size_bytes=1_900_000,
        duration_s=65.0,
        created_at=job.created_at,
    )
    with db.writing() as session:
        session.add(artifact)
        row = session.get_one(Job, job.id)
        row.state, row.attempt, row.result, row.artifact_id = JobState.SUCCEEDED, 1, VERDICT, artifact.id
        row.started_at, row.finished_at = job.created_at + 1, job.created_at + 66
        row.step = row.total_steps = 14
        row.actual = {"peak_memory_bytes": 700_000_000}
    return row, artifact
