"""A judgement beside the verdict of the result that it is about."""

from __future__ import annotations

from typing import Any

from app.pages import outcomes, votes
from storage import db
from storage.judging import judgements
from storage.models import Artifact, Job, JobState, User
from tests.app.small_judgements import small_judgement
from tests.storage.votes.voting import voted


def test_a_verdict_shows_the_newest_judgement(studio: User, finished: tuple[Job, Artifact]) -> None:
    train, artifact = finished
    before = str(outcomes.block(studio, train))
    assert "Judged against" not in before
    assert "Ask a judge" not in before, "it learned no judgements"
    wish: dict[str, Any] = {"models": ["studio-nano", artifact.name], "endpoint": "http://127.0.0.1:9/v1"}
    job = judgements.submit(studio, **wish, endpoint_model="wise", dataset="tickets")
    assert judgements.of_result(studio, artifact) is None, "it has not finished"
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        row.state, row.result = JobState.SUCCEEDED, small_judgement(second=artifact.name)
    html = str(outcomes.block(studio, train))
    assert "Judged against studio-nano" in html
    assert "wins on 61 % [52, 70]" in html
    assert f"jobs?job={job.id}" in html


def test_the_page_votes_has_what_judges_said(studio: User, asking: Any) -> None:
    voted(studio, "Is it?", "left")
    assert "What judges said" not in str(votes.open_page(asking(studio))[-1])
    wish: dict[str, Any] = {"models": ["studio-nano", "studio-small"], "endpoint": "http://127.0.0.1:9/v1"}
    job = judgements.submit(studio, **wish, endpoint_model="wise")
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        row.state, row.result = JobState.SUCCEEDED, small_judgement()
    shown = str(votes.open_page(asking(studio))[-1])
    assert "<b>“studio-small” is better than “studio-nano”</b>: “studio-small” wins on 61 % [52, 70]" in shown
    assert f"jobs?job={job.id}" in shown
