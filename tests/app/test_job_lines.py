"""`studio jobs show` speaks in sentences: what a job uses, how far it is, how it ended, and what comes next."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from app.cli import main
from storage import db, job_inputs
from storage.bases import base_models
from storage.jobs import events, jobs
from storage.models import Job, JobState, User
from templates.recipe import compose
from templates.roles import Role


@pytest.fixture
def job(studio: User) -> Job:
    """A training that waits for its worker."""
    base, teacher = (base_models.get(studio, name) for name in ("studio-nano", "studio-small"))
    return jobs.submit(
        studio,
        name="small-in-nano",
        kind="train",
        spec={"recipe": compose("distill_logits", "lora", quantization="nf4").model_dump(mode="json")},
        inputs=[*job_inputs.of(Role.BASE, base), *job_inputs.of(Role.TEACHER, teacher)],
    )


def change(job: Job, **values: Any) -> None:
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        for name, value in values.items():
            setattr(row, name, value)


def told(job: Job, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(["jobs", "show", job.id]) == 0
    said = capsys.readouterr().out
    assert "{" not in said, "no JSON"
    return said


def test_a_job_that_waits(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    said = told(job, capsys)
    assert "small-in-nano (training): waiting." in said
    assert "It uses base “studio-nano”, teacher “studio-small”." in said
    assert "objective distill_logits, method lora on nf4" in said
    assert "number 1 in the queue" in said
    assert "No worker is running" in said
    assert f"studio jobs cancel {job.id}" in said


def test_a_job_that_runs(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    change(job, state=JobState.RUNNING, stage="training", step=3, total_steps=8, started_at=time.time())
    kept = {"teacher": "studio-small", "key": "a" * 40, "size_bytes": 4_200, "tokens": 90, "read_now": True}
    with db.writing() as session:
        events.append(session, job.id, 1, "teacher_kept", **kept)
        events.append(session, job.id, 1, "requeued", why="lease_expired")
    said = told(job, capsys)
    assert "It is at: training, step 3 of 8" in said
    assert "Kept of “studio-small”: 90 tokens, 4.2 kB, read by this job. Its key is aaaaaaaaaaaa;" in said
    assert "Attempt 1 ended: lease_expired; it was queued again." in said
    assert "--keep" in said
    change(job, cancel_at=time.time())
    assert "It is stopping" in told(job, capsys)


def test_jobs_that_ended(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    sentence = "It is better than its base."
    change(job, state=JobState.SUCCEEDED, started_at=10.0, finished_at=70.0, result={"sentence": sentence})
    said = told(job, capsys)
    assert "done after 1 min." in said
    assert sentence in said
    assert "studio artifacts show small-in-nano" in said
    change(job, state=JobState.FAILED, error_code="x", error="It broke.", remedy="Mend it.")
    said = told(job, capsys)
    assert "It broke. Mend it." in said
    assert f"studio jobs logs {job.id}" in said
    assert f"studio jobs retry {job.id}" in said


def test_the_document_is_whole(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["jobs", "show", job.id, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in document["inputs"]] == ["studio-nano", "studio-small"]
    assert document["events"][0]["kind"] == "submitted"
