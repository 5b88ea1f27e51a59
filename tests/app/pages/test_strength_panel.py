"""A result at less than its full strength: measured, chosen, chatted with and downloaded from a page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.pages import strength_panel, strength_views
from app.pages.strength_panel import _launcher, _poller, _shower, of_job, of_result
from storage import db
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, Job, JobState, User
from storage.planning import strengths
from storage.settings import settings
from tests.small_strengths import small_strengths
from tests.small_suite import small_forgotten

WORDS, BUTTON, CHOOSER, SLIDER, NEAR, TIMER = range(1, strength_panel.N_SHOWN)


@pytest.fixture
def result(studio: User, finished: tuple[Job, Artifact], monkeypatch: pytest.MonkeyPatch) -> Artifact:
    """A result with a strength, of a training that lost general abilities."""
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "2")
    settings.cache_clear()
    path = artifacts.folder(finished[1]) / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 16, "r": 8}))
    with db.writing() as session:
        row = session.get_one(Artifact, finished[1].id)
        row.facts = {**row.facts, "verdict": {**row.facts["verdict"], "forgotten": small_forgotten()}}
    return artifacts.get(studio, finished[1].id)


def ended(job: Job, found: dict[str, Any]) -> None:
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        row.state, row.result = JobState.SUCCEEDED, found


def test_it_is_measured_from_the_page_and_then_chosen(studio: User, result: Artifact, asking: Any) -> None:
    show = _shower(of_job)
    before = show(asking(studio), result.job_id)
    assert before[BUTTON]["visible"]
    assert "scores five strengths" in before[WORDS]
    assert not before[CHOOSER]["visible"]
    _launcher(of_job)(asking(studio), result.job_id)
    _launcher(of_job)(asking(studio), result.job_id)
    job = strengths.of_artifact(studio, result)
    assert job is not None
    assert [one.kind for one in jobs.of_user(studio)] == ["strength", "train"], "a second click does nothing"
    running = show(asking(studio), result.job_id)
    assert "Measuring: waiting" in running[WORDS]
    assert (running[BUTTON]["visible"], running[TIMER]["active"]) == (False, True)
    assert f"jobs?job={job.id}" in _poller(of_job)(asking(studio), result.job_id)[WORDS]
    ended(job, small_strengths())
    after = _poller(of_job)(asking(studio), result.job_id)
    assert not after[TIMER]["active"]
    assert "Use strength 0.75" in after[WORDS]
    assert "<svg" in after[WORDS]
    assert (after[CHOOSER]["visible"], after[SLIDER]) == (True, 0.75)
    assert "compare?models=studio-nano,tickets-lora%400.75" in after[NEAR]
    assert f"api/v1/artifacts/{result.id}/download?strength=0.75" in after[NEAR]


def test_the_measurements_own_page_has_the_slider_too(studio: User, result: Artifact, asking: Any) -> None:
    job = strengths.submit(studio, result.id)
    ended(job, small_strengths())
    shown = _shower(of_job)(asking(studio), job.id)
    assert (shown[WORDS], shown[CHOOSER]["visible"], shown[BUTTON]["visible"]) == ("", True, False)


def test_the_gallery_offers_a_weaker_download_before_anything_is_measured(
    studio: User, result: Artifact, asking: Any
) -> None:
    shown = _shower(of_result)(asking(studio), result.id)
    assert (shown[CHOOSER]["visible"], shown[BUTTON]["visible"], shown[SLIDER]) == (True, True, 1.0)
    assert "download?strength" not in shown[NEAR]
    _, near = strength_panel._chooser(of_result)(asking(studio), result.id, 0.6)
    assert "Nothing is measured below full strength yet" in near
    assert f"api/v1/artifacts/{result.id}/download?strength=0.6" in near


def test_what_was_measured_nearest_stands_below_the_slider(result: Artifact) -> None:
    between = strength_views.near(result, small_strengths(), 0.6)
    assert "<b>Strength 0.5:</b>" in between
    assert "<b>Strength 0.75:</b>" in between
    exact = strength_views.near(result, small_strengths(), 0.5)
    assert "<b>Strength 0.75:</b>" not in exact
    assert "Label accuracy on tickets 60 % [55, 65], general abilities 80 % [75, 85]" in exact


def test_a_failure_is_told_beside_the_button(studio: User, result: Artifact, asking: Any) -> None:
    job = strengths.submit(studio, result.id)
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        row.state, row.error, row.remedy = JobState.FAILED, "No memory was left.", "Close something."
    shown = _shower(of_job)(asking(studio), result.job_id)
    assert "The last measurement failed: No memory was left. Close something." in shown[WORDS]
    assert shown[BUTTON]["visible"]


def test_without_a_strength_or_a_loss_nothing_is_offered(studio: User, result: Artifact, asking: Any) -> None:
    path = artifacts.folder(result) / "adapter_config.json"
    path.write_text(json.dumps({"peft_type": "IA3"}))
    shown = _shower(of_result)(asking(studio), result.id)
    assert (shown[WORDS], shown[BUTTON]["visible"], shown[CHOOSER]["visible"]) == ("", False, False)


def test_other_people_see_nothing(studio: User, result: Artifact, asking: Any) -> None:
    from storage import users

    other = users.add("eva", "long enough a password")
    alert, *rest = strength_panel.guarded(strength_panel.N_SHOWN)(_shower(of_result))(asking(other), result.id)
    assert "There is no artifact" in alert
    assert len(rest) == strength_panel.N_SHOWN - 1
