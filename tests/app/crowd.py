"""A studio with thousands of rows, inserted directly: for tests of how lists behave in a busy studio."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlmodel import select

from storage import db
from storage.bases import base_models
from storage.models import Artifact, Dataset, Job, JobEvent, JobInput, JobMetric, JobState, User

SHARE = {"value": 0.8, "low": 0.7, "high": 0.9}
PAIR = {"base": {"value": 0.1, "low": 0.0, "high": 0.2}, "adapted": SHARE, "difference": SHARE}
EXAMPLES = [{"row": i, "expected": "word " * 40, "given": "other " * 40} for i in range(10)]
"""What makes a verdict long."""
RECIPE = {
    "objective": "sft",
    "method": "lora",
    "quantization": "none",
    "objective_params": {"max_length": 512, "notes": "n" * 1500},
    "method_params": {"r": 16, "target_modules": ["q_proj", "v_proj"] * 20},
}
STATES = (JobState.SUCCEEDED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.SUCCEEDED)
WORDS = ("better", "worse", "cant_tell", "not_better")


def verdict(place: int) -> dict[str, Any]:
    """A verdict of the usual length, about 6 KB."""
    word = WORDS[place % len(WORDS)]
    return {
        "verdict": word,
        "claim": word.capitalize(),
        "sentence": f"{word.capitalize()}. Label accuracy 80 % against 10 %.",
        "headline": "label_accuracy",
        "metrics": {"loss": PAIR, "perplexity": PAIR, "label_accuracy": PAIR},
        "n_rows": 50,
        "examples": EXAMPLES,
        "what_would_help": None,
        "remarks": [],
    }


def fill(
    user: User, *, jobs: int = 0, datasets: int = 0, artifacts: int = 0, running: int = 0, waiting: int = 0
) -> None:
    """Insert as many rows for the user; the newest jobs wait, those before them run, the others have ended."""
    base_models.sync_bundled()
    with db.writing() as session:
        now = db.clock(session)
        base = base_models.get(user, "studio-nano")
        data = [_dataset(user, place, now) for place in range(datasets)]
        made = [_job(user, place, now - jobs + place, jobs - place, waiting, running) for place in range(jobs)]
        results = [_artifact(user, place, made[place], now) for place in range(artifacts)]
        used = [{"job_id": job["id"], "role": "base", "position": 0, "base_model_id": base.id} for job in made]
        trained = [
            {"job_id": job["id"], "role": "training", "position": 0, "dataset_id": data[place % len(data)]["id"]}
            for place, job in enumerate(made)
            if data
        ]
        for table, rows in ((Dataset, data), (Job, made), (Artifact, results), (JobInput, used), (JobInput, trained)):
            if rows:
                session.execute(insert(table), rows)


def _dataset(user: User, place: int, now: float) -> dict[str, Any]:
    return {
        "id": f"data{place:012d}",
        "owner_id": user.id,
        "name": f"tickets-{place:04d}",
        "shape": "classification",
        "source_filename": f"tickets-{place:04d}.csv",
        "sha256": f"{place:064x}",
        "mapping": {"text": "text", "label": "category"},
        "n_rows": 500,
        "n_held_out": 50,
        "split_seed": 42,
        "labels": [f"label number {i}" for i in range(40)],
        "instruction": "Answer with one label.",
        "remarks": [{"message": "Some rows repeat.", "count": 40, "rows": list(range(200))}],
        "fixes": [],
        "created_at": now - 10_000 + place,
    }


def _job(user: User, place: int, at: float, from_end: int, waiting: int, running: int) -> dict[str, Any]:
    state = STATES[place % len(STATES)]
    if from_end <= waiting:
        state = JobState.QUEUED
    elif from_end <= waiting + running:
        state = JobState.RUNNING
    ended = state not in (JobState.QUEUED, JobState.RUNNING)
    return {
        "id": f"job{place:013d}",
        "owner_id": user.id,
        "idem_key": f"key{place}",
        "name": f"tickets-lora-{place:04d}",
        "kind": "train",
        "spec": {"recipe": RECIPE},
        "spec_sha256": "0" * 64,
        "state": state,
        "stage": "training" if state == JobState.RUNNING else None,
        "attempt": 0 if state == JobState.QUEUED else 1,
        "step": 0 if state == JobState.QUEUED else 30,
        "total_steps": 60,
        "eta_s": 30.0 if state == JobState.RUNNING else None,
        "estimate": {"seconds": 60.0, "memory_bytes": 700_000_000, "parts": ["part " * 20] * 8},
        "result": verdict(place) if state == JobState.SUCCEEDED else None,
        "error": "The loss left all bounds." if state == JobState.FAILED else None,
        "error_code": "nan" if state == JobState.FAILED else None,
        "created_at": at,
        "started_at": None if state == JobState.QUEUED else at + 0.1,
        "finished_at": at + 60 if ended else None,
    }


def _artifact(user: User, place: int, job: dict[str, Any], now: float) -> dict[str, Any]:
    return {
        "id": f"made{place:012d}",
        "owner_id": user.id,
        "name": f"result-{place:04d}",
        "job_id": job["id"],
        "attempt": 1,
        "kind": "adapter",
        "facts": {"recipe": RECIPE, "weights_sha256": "ab" * 32, "verdict": verdict(place)},
        "location": f"artifacts/{job['id']}/1",
        "manifest_sha256": "cd" * 32,
        "size_bytes": 1_900_000,
        "duration_s": 65.0,
        "created_at": now - 1_000 + place,
    }


def advance(user: User, step: int) -> None:
    """Move the user's running jobs on to this step, as their worker would."""
    with db.writing() as session:
        for job in session.exec(select(Job).where(Job.owner_id == user.id, Job.state == JobState.RUNNING)):
            job.step = step
            session.merge(JobMetric(job_id=job.id, split="train", step=step, attempt=1, values={"loss": 1.0}, at=1.0))
            session.add(JobEvent(job_id=job.id, attempt=1, at=1.0, kind="log", data={}))
