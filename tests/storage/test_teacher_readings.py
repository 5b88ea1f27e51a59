"""What teachers said is listed for those who used it, and stays while a job needs it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from storage import db, garbage, teacher_readings, users
from storage.jobs import jobs
from storage.models import Job, JobState, User
from storage.teacher_readings import UNUSED_S, home
from templates.errors import Conflict, NotFound


@pytest.fixture
def job(studio: User) -> Job:
    return jobs.submit(studio, name="small-in-nano", kind="train", spec={})


def kept(key: str, job: Job) -> Path:
    folder = home() / key
    teacher_readings.mark_used(folder, job.id)
    (folder / teacher_readings.FACTS).write_text(json.dumps({"teacher": "small", "n_tokens": 7, "complete": True}))
    (folder / "shard-00000").mkdir()
    (folder / "shard-00000" / "ids.npy").write_bytes(b"x" * 100)
    return folder


def ended(job: Job) -> None:
    with db.writing() as session:
        session.get_one(Job, job.id).state = JobState.SUCCEEDED


def aged(folder: Path) -> None:
    then = time.time() - UNUSED_S - 60
    for path in (folder / teacher_readings.USERS).iterdir():
        os.utime(path, (then, then))


def test_they_are_listed_for_those_whose_jobs_used_them(studio: User, job: Job) -> None:
    kept("abc", job)
    (found,) = teacher_readings.of_user(studio)
    assert (found.key, found.teacher, found.n_tokens, found.complete) == ("abc", "small", 7, True)
    assert found.size_bytes >= 100
    assert teacher_readings.total_bytes() == found.size_bytes
    assert teacher_readings.of_user(users.add("other", "long enough password")) == []


def test_a_job_that_has_not_ended_keeps_it_and_is_named(studio: User, job: Job) -> None:
    folder = kept("abc", job)
    with pytest.raises(Conflict, match="small-in-nano"):
        teacher_readings.delete(studio, "abc")
    assert folder.is_dir()
    ended(job)
    teacher_readings.delete(studio, "ab")
    assert not folder.exists()
    with pytest.raises(NotFound):
        teacher_readings.delete(studio, "abc")


def test_what_no_job_used_for_long_is_removed_unless_one_needs_it(job: Job) -> None:
    folder = kept("abc", job)
    aged(folder)
    garbage.collect()
    assert folder.is_dir(), "the job has not ended"
    ended(job)
    garbage.collect()
    assert not folder.exists()


def test_what_was_used_lately_stays(job: Job) -> None:
    folder = kept("abc", job)
    ended(job)
    garbage.collect(older_than_s=0)
    assert folder.is_dir()
