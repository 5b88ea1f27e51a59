"""The gallery's cards, and what can be done with them."""

from __future__ import annotations

from typing import Any

from app.pages import gallery
from storage import db, job_inputs, users
from storage.data import openings
from storage.gallery import artifacts
from storage.models import Artifact, Job, JobInput, JobState, User
from tests.small_suite import small_forgotten, small_own_words
from tests.storage.votes.voting import NANO, voted

ANY = (gallery.ANY,) * 4


def test_empty_it_teaches(studio: User, asking: Any) -> None:
    assert "Drop a file" in gallery.show_cards(asking(studio), *ANY)[1]


def test_a_card_says_what_it_is(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    cards = gallery.show_cards(asking(studio), *ANY)[1]
    assert "studio-nano → lora → tickets" in cards
    assert "80 %" in cards
    assert "1.9 MB" in cards
    assert 'name="models" value="tickets-lora"' in cards
    assert "&lt;b&gt;against" in cards
    assert "No result matches" in gallery.show_cards(asking(studio), "any", "any", "any", "worse")[1]


def test_a_card_has_its_record_in_blind_votes(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    assert "blind vote" not in gallery.show_cards(asking(studio), *ANY)[1]
    for choice in ("left", "right", "tie"):
        voted(studio, f"{choice}?", choice, models=("tickets-lora", NANO))
    assert "won 1 of 3 blind votes" in gallery.show_cards(asking(studio), *ANY)[1]


def test_a_card_says_in_short_what_was_forgotten(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    assert "abilities" not in gallery.show_cards(asking(studio), *ANY)[1]
    with db.writing() as session:
        row = session.get_one(Artifact, finished[1].id)
        row.facts = {**row.facts, "verdict": {**row.facts["verdict"], "forgotten": small_forgotten()}}
    assert "general abilities −30 [−40, −20] points · adapter" in gallery.show_cards(asking(studio), *ANY)[1]
    with db.writing() as session:
        row = session.get_one(Artifact, finished[1].id)
        forgotten = {**small_forgotten(), "own": small_own_words()}
        row.facts = {**row.facts, "verdict": {**row.facts["verdict"], "forgotten": forgotten}}
    said = "−20] points · 62 % [52, 72] of its own prompts as before · adapter"
    assert said in gallery.show_cards(asking(studio), *ANY)[1]


def test_a_card_says_where_its_training_was_stopped(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    assert "stopped" not in gallery.show_cards(asking(studio), *ANY)[1]
    with db.writing() as session:
        row = session.get_one(Artifact, finished[1].id)
        row.facts = {**row.facts, "verdict": {**row.facts["verdict"], "stopped": {"step": 6, "of": 61}}}
    assert "stopped at 6 of 61 steps · adapter" in gallery.show_cards(asking(studio), *ANY)[1]


def test_a_card_says_how_often_its_held_out_side_was_opened(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    assert "opened" not in gallery.show_cards(asking(studio), *ANY)[1]
    job, _ = finished
    measured_on = job_inputs.of_job(job.id).measured_on
    assert measured_on
    with db.writing() as session:
        openings.record(session, job_id=job.id, attempt=1, dataset_id=measured_on.id)
    assert "held-out rows used once · adapter" in gallery.show_cards(asking(studio), *ANY)[1]


def test_rename_annotate_delete(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    artifact = finished[1]
    assert gallery.rename(asking(studio), artifact.id, "better-name")[1] == "gallery?artifact=better-name"
    gallery.annotate(asking(studio), artifact.id, "<u>keep</u>")
    cards = gallery.show_cards(asking(studio), *ANY)[1]
    assert "better-name" in cards
    assert "&lt;u&gt;keep" in cards
    assert gallery.delete(asking(studio), "") == ("", "")
    gallery.delete(asking(studio), artifact.id)
    assert artifacts.of_user(studio) == []


def test_others_see_nothing_of_it(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    other = users.add("mallory", "a long password")
    assert "tickets-lora" not in gallery.show_cards(asking(other), *ANY)[1]
    for refused in (
        gallery.guarded(2)(gallery.rename)(asking(other), finished[1].id, "x")[0],
        gallery.guarded(2)(gallery.delete)(asking(other), finished[1].id)[0],
        gallery.guarded(1)(gallery.annotate)(asking(other), finished[1].id, "x"),
    ):
        assert 'role="alert"' in refused


def test_what_depends_on_a_result_is_named_before_it_goes_and_that_it_went_after(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    artifact = finished[1]
    opened = gallery.open_page(asking(studio, artifact="tickets-lora"))
    assert "Nothing else depends on it" in opened[6]
    with db.writing() as session:  # a second result, trained on top of the first
        job = Job(
            owner_id=studio.id,
            name="on-top",
            kind="train",
            spec={},
            spec_sha256="0" * 64,
            idem_key="on-top",
            estimate={},
            created_at=1.0,
        )
        session.add(job)
        session.flush()
        session.add(JobInput(job_id=job.id, role="base", position=0, artifact_id=artifact.id))
    assert "1 job (“on-top”) uses it" in gallery.open_page(asking(studio, artifact="tickets-lora"))[7]
    refused = gallery.guarded(2)(gallery.delete)(asking(studio), artifact.id, "")
    assert "on-top" in refused[0]
    with db.writing() as session:
        session.get_one(Job, job.id).state = JobState.FAILED
    said, to = gallery.delete(asking(studio), artifact.id, "")
    assert "“tickets-lora” is deleted" in said
    assert to == "gallery"


def test_an_unknown_result_in_a_link_leads_to_those_that_exist(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    alert, _, manage, *_ = gallery.open_page(asking(studio, artifact="nope"))
    assert "There is no result “nope”" in alert
    assert not manage["visible"]
    assert "tickets-lora" in gallery.show_cards(asking(studio), *ANY)[1]


def test_filters_come_back_from_the_address(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    *_, base, data, method, verdict = gallery.open_page(asking(studio, base="studio-nano", data="x", verdict="better"))
    assert [choice["value"] for choice in (base, data, method, verdict)] == ["studio-nano", "any", "any", "better"]


def test_comparing_needs_a_selection(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    cards = gallery.show_cards(asking(studio), *ANY)[1]
    assert 'type="submit" disabled' in cards
    assert "Select one to compare it with its base" in cards
    assert "tickets-lora" in cards.partition("data-known=")[2].partition(">")[0]
