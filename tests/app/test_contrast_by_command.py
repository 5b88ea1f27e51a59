"""The same training without its teacher, by command and over REST."""

from __future__ import annotations

import io
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage import db
from storage.data import datasets, uploads
from storage.models import Job, JobState, User
from storage.planning import training


@pytest.fixture
def taught(studio: User) -> Job:
    """A distillation that has ended well."""
    rows = [f"where is my parcel {i}?,{('lost', 'refund')[i % 2]}" for i in range(40)]
    file = io.BytesIO("\n".join(["text,category", *rows]).encode())
    datasets.add(studio, uploads.save(studio, "tickets.csv", file), name="tickets")
    chosen = {"base": "studio-nano", "dataset": "tickets", "objective": "distill_logits", "method": "lora"}
    job = training.submit(studio, training.plan(studio, **chosen, teacher="studio-small"), name="small-in-nano")  # type: ignore[arg-type]
    with db.writing() as session:
        session.get_one(Job, job.id).state = JobState.SUCCEEDED
    return job


@pytest.mark.long
def test_a_command_and_a_route_queue_it_once(
    studio_command: Any, client: TestClient, taught: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", "show", taught.id]) == 0
    assert f"studio jobs contrast {taught.id}" in capsys.readouterr().out
    code, made, said = studio_command("jobs", "contrast", taught.id)
    assert (code, made["state"], made["spec"]["recipe"]["objective"]) == (0, "QUEUED", "sft")
    assert f"studio runs compare {made['id']} {taught.id}" in said
    again = client.post(f"/api/v1/jobs/{taught.id}/contrast")
    refused = client.post(f"/api/v1/jobs/{made['id']}/contrast")
    assert (again.status_code, again.json()["id"]) == (201, made["id"])
    assert (refused.status_code, "without a teacher" in refused.json()["error"]["message"]) == (422, True)


def test_an_evaluation_need_not_be_waited_for(studio_command: Any, studio: User) -> None:
    code, job, said = studio_command("eval", "--model", "studio-nano", "--suite", "general", "--no-wait")
    assert (code, job["state"], job["kind"]) == (0, "QUEUED", "evaluate"), said
