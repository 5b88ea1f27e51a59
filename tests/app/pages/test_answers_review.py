"""Kept and dropped answers on a job's and a dataset's page, and changes by hand."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli import verdicts
from app.pages import answers_review as review
from app.pages.alerts import guarded
from app.pages.outcomes import block
from storage import db
from storage.data import datasets
from storage.jobs import jobs
from storage.models import Dataset, Job, JobState, User
from tests.storage.data.answers import answered


@pytest.fixture
def made(studio: User) -> Dataset:
    """Six rows and 14 dropped answers."""
    return answered.add(studio, n_dropped=14)


def test_dropped_ones_come_first_page_by_page(studio: User, asking: Any, made: Dataset) -> None:
    subject = f"data:{made.id}"
    _, fold, which, offset, table, newer, older = review.show(asking(studio), subject)
    assert fold["visible"]
    assert [label for label, _ in which["choices"]] == [
        "All dropped (14)",
        "Dropped: repeat another answer to the same prompt (13)",
        "Dropped: refuse to answer (1)",
        "Kept (6)",
    ]
    assert (offset, newer["visible"], older["visible"]) == (0, False, True)
    assert "Why 7." in table
    assert "1 to 10 of 14" in table
    assert f"api/v1/data/{made.id}/dropped/export" in table
    _, offset, table, newer, older = review.further(asking(studio), subject, review.DROPPED, 0)
    assert (offset, newer["visible"], older["visible"]) == (10, True, False)
    assert "11 to 14 of 14" in table
    assert review.back(asking(studio), subject, review.DROPPED, 10)[1] == 0
    refusals = review.first(asking(studio), subject, f"{review.DROPPED}refusals", 10)[2]
    assert "Why 7." in refusals
    assert "Why 8." not in refusals
    kept = review.first(asking(studio), subject, review.KEPT, 0)[2]
    assert "answer 6" in kept
    assert "Reason" not in kept


def test_nothing_is_shown_without_a_teacher(studio: User, asking: Any, tickets: Dataset) -> None:
    for subject in (None, "", "upload:1", f"data:{tickets.id}", "0123"):
        assert review.show(asking(studio), subject)[1]["visible"] is False


def test_changes_lead_to_a_new_version(studio: User, asking: Any, made: Dataset) -> None:
    subject = f"data:{made.id}"
    assert review.text_of(asking(studio), subject, "8")[1] == "bad 8"
    assert review.text_of(asking(studio), subject, " 2 ")[1] == "answer 2"
    said, to = review.save(asking(studio), subject, "9, 10", "1; 2", "8", "good 8")
    assert (said, to) == ("", "data?data=answers-v2")
    rows = {row["source_row"]: row["completion"] for row in datasets.rows(datasets.get(studio, "answers-v2"))}
    assert rows.keys() == {3, 4, 5, 6, 8, 9, 10}
    assert rows[8] == "good 8"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("x", "", "", ""), "“x” is no number"),
        (("", "", "1 2", "t"), "takes one number"),
        (("", "", "", ""), "Nothing would"),
    ],
)
def test_what_can_not_be_saved_is_said(studio: User, asking: Any, made: Dataset, typed: Any, words: str) -> None:
    alert, to = guarded(2)(review.save)(asking(studio), f"data:{made.id}", *typed)
    assert words in alert
    assert isinstance(to, dict)
    assert [one.name for one in datasets.of_user(studio)] == ["answers"]


def test_a_jobs_page_says_how_many_were_dropped_and_why(studio: User, asking: Any, made: Dataset) -> None:
    job = jobs.submit(studio, name="answers", kind="generate", spec={})
    with db.writing() as session:
        session.get_one(Job, job.id).state = JobState.SUCCEEDED
        session.get_one(Job, job.id).result = {
            "sentence": "6 of 20 answers were kept.",
            "n_rows": 6,
            "dropped": [{"filter": "refusals", "outcome": "refuse to answer", "count": 14}],
            "teacher": {"name": "wise", "host": "api.example.com", "license": "mit"},
        }
        session.get_one(Dataset, made.id).made_by_job_id = job.id
    shown = block(studio, jobs.get(studio, job.id))
    assert "wise · at api.example.com · licence mit" in shown
    assert verdicts.measured(jobs.get(studio, job.id).result or {}, None) == [], "the command line has its own lines"
    assert "refuse to answer" in shown
    assert "train?data=answers" in shown
    assert review.show(asking(studio), job.id)[1]["visible"]
