"""On the page of a taught training: one click runs it without a teacher, and a link compares both."""

from __future__ import annotations

from typing import Any

import pytest

from app.pages import contrast
from app.pages.alerts import guarded
from storage import db
from storage.jobs import jobs
from storage.models import Dataset, Job, JobState, User
from storage.planning import contrasts, training


def succeed(job: Job) -> None:
    with db.writing() as session:
        session.get_one(Job, job.id).state = JobState.SUCCEEDED


@pytest.fixture
def taught(studio: User, tickets: Dataset) -> Job:
    plan = training.plan(
        studio,
        base="studio-nano",
        dataset="tickets",
        objective="distill_text",
        method="lora",
        preset="quick",
        teacher="studio-small",
    )
    return training.submit(studio, plan, name="taught")


def test_one_click_then_a_link_on_both_pages(studio: User, taught: Job, asking: Any) -> None:
    _, button, words = contrast.show(asking(studio), taught.id)
    assert not button["visible"], "not before it has a result"
    succeed(taught)
    _, button, words = contrast.show(asking(studio), taught.id)
    assert button["visible"]
    assert "your rows’ own answers" in words
    alert, goes = guarded(2)(contrast.run)(asking(studio), taught.id)
    made = contrasts.of(studio, taught)
    assert made
    assert (alert, goes) == ("", f"jobs?job={made.id}")
    for one, other in ((taught, made), (made, taught)):
        _, button, words = contrast.show(asking(studio), one.id)
        assert not button["visible"]
        assert f"jobs?job={other.id}" in words
        assert "Compare the two" not in words, "one of them is still waiting"
    succeed(made)
    for one in (taught, made):
        words = contrast.show(asking(studio), one.id)[2]
        assert f"runs?ids={made.id},{taught.id}" in words, "the plain one is what the other is compared with"


def test_others_have_no_such_button(studio: User, finished: tuple[Job, Any], asking: Any) -> None:
    assert contrast.show(asking(studio), finished[0].id)[1:] == [{"visible": False, "__type__": "update"}, ""]
    assert contrast.show(asking(studio), "")[1]["visible"] is False
    refused = guarded(2)(contrast.run)(asking(studio), finished[0].id)[0]
    assert "can’t be run without a teacher" in refused
    assert len(jobs.of_user(studio)) == 1
