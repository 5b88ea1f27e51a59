"""A file of prompts to a dataset of answers, by command, REST and page, with a real worker."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.pages import job_progress
from app.pages.outcomes import block
from storage import job_inputs
from storage.data import datasets, uploads
from storage.jobs import jobs
from storage.models import User
from storage.planning import generations
from storage.settings import settings
from templates.errors import BadInput, Conflict

ROWS = "prompt,completion\n" + "".join(f"What is {i} and {i % 7}?,{i}\n" for i in range(30))


@pytest.fixture
def sums(studio: User) -> None:
    """A dataset of prompts."""
    datasets.add(studio, uploads.save(studio, "sums.csv", io.BytesIO(ROWS.encode())), name="sums")


def studio_command(*arguments: str) -> tuple[int, Any, str]:
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments, "--json"], capture_output=True, text=True, timeout=280
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.long
def test_prompts_to_rows(studio: User, sums: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_WORKER_WARM", "0")
    settings.cache_clear()
    wish = ("generate", "--model", "studio-nano", "--data", "sums", "--name", "answers", "--set", "max_new_tokens=8")
    code, job, said = studio_command(*wish, "--wait")
    assert code == 0, said
    assert (job["state"], job["kind"], job["step"]) == ("SUCCEEDED", "generate", 30)
    assert job["answers"]["n_prompts"] == 30
    code, shown, _ = studio_command("jobs", "show", job["id"])
    assert [(one["role"], one["name"]) for one in shown["inputs"]] == [("model", "studio-nano"), ("prompts", "sums")]
    made = datasets.get(studio, "answers")
    assert (made.shape, made.made_by_job_id) == ("prompt_completion", job["id"])
    assert made.n_rows == job["answers"]["n_rows"]
    held_out = {row["prompt"] for row in datasets.rows(datasets.get(studio, "sums"), side="held_out")}
    assert {row["prompt"] for row in datasets.rows(made, side="held_out")} <= held_out

    ended = jobs.get(studio, job["id"])
    assert "data?data=answers" in block(studio, ended)
    assert "studio-nano → answers greedily → sums" in job_progress.head(ended, job_inputs.of_job(ended.id))
    again = jobs.retry(studio, ended.id)
    assert again.name == "answers-2", "the name is taken by the first one's dataset"


def test_over_rest(studio: User, sums: None) -> None:
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860")
    body = {"model": "studio-nano", "dataset": "sums", "name": "answers", "settings": {"temperature": 0.5, "seed": 3}}
    made = client.post("/api/v1/jobs/generate", json=body, headers={"Idempotency-Key": "k"})
    assert made.status_code == 201, made.text
    assert made.json()["spec"]["params"] == {
        "max_new_tokens": 256,
        "temperature": 0.5,
        "top_p": 1.0,
        "seed": 3,
        "num_return_sequences": 1,
    }
    assert client.post("/api/v1/jobs/generate", json=body, headers={"Idempotency-Key": "k"}).json() == made.json()
    wrong = client.post("/api/v1/jobs/generate", json={**body, "settings": {"temperature": -1}})
    assert wrong.status_code == 422
    assert "temperature" in wrong.text


def test_what_a_waiting_job_uses_and_will_make_is_kept(studio: User, sums: None) -> None:
    job = generations.submit(studio, model="studio-nano", dataset="sums", name="answers")
    with pytest.raises(Conflict, match="“answers”"):
        datasets.delete(studio, "sums")
    with pytest.raises(Conflict, match="has not ended"):
        generations.submit(studio, model="studio-nano", dataset="sums", name="answers")
    jobs.cancel(studio, job.id)
    datasets.delete(studio, "sums")


def test_plain_text_asks_nothing(studio: User) -> None:
    text = io.BytesIO("".join(f"Dear Ann, the parcel {i} has come.\n\n" for i in range(30)).encode())
    datasets.add(studio, uploads.save(studio, "letters.txt", text), name="letters", shape="text")
    with pytest.raises(BadInput, match="has no prompts") as refused:
        generations.submit(studio, model="studio-nano", dataset="letters", name="answers", settings={"seed": -1})
    assert "seed" in str(refused.value), "all problems at once"


def test_filters_and_several_answers_are_checked_before_anything_is_made(studio: User, sums: None) -> None:
    prompts = io.BytesIO(b'{"prompt": "Why?"}\n{"prompt": "How?"}\n' * 12)
    datasets.add(studio, uploads.save(studio, "p.jsonl", prompts), name="bare", shape="prompt_only")
    with pytest.raises(BadInput) as refused:
        generations.submit(
            studio, model="studio-nano", dataset="bare", name="a", filters=["same_text", "agreement", "magic"]
        )
    told = str(refused.value)
    assert "these rows have none" in told
    assert "compares several answers" in told
    assert "“magic” is no filter" in told
    with pytest.raises(BadInput, match="At temperature 0, all answers to a prompt are the same"):
        generations.submit(studio, model="studio-nano", dataset="bare", name="a", settings={"num_return_sequences": 2})
    job = generations.submit(
        studio,
        model="studio-nano",
        dataset="sums",
        name="a",
        filters=["same_number", "length"],
        settings={"num_return_sequences": 2, "temperature": 0.7, "max_characters": 80},
    )
    assert job.spec["filters"] == {"same_number": {}, "length": {"min_characters": 1, "max_characters": 80}}
    assert [one.name for one in jobs.of_user(studio)] == ["a"]
