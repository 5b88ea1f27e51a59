"""“Change and run” opens the form filled in like the job, and says what is gone."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from app.pages import rerun, train_form
from app.pages.filled import Filled
from app.pages.train_form import N_DRAWN
from storage import db, job_inputs
from storage.data import datasets
from storage.models import BaseModelRow, Dataset, Job, JobState, User
from storage.planning import evaluations, training
from templates.errors import BadInput, NotFound
from templates.roles import Role


@pytest.fixture
def job(studio: User, tickets: Dataset) -> Job:
    """A training with settings and an instruction of its own, which has failed."""
    settings = {"learning_rate": 0.05, "r": 4, "seed": 7, "gradient_checkpointing": True}
    plan = training.plan(
        studio,
        base="studio-nano",
        dataset="tickets",
        objective="sft",
        method="lora",
        preset="quick",
        instruction="Answer.",
        settings=settings,
    )
    job = training.submit(studio, plan, name="tickets-lora")
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        row.state = JobState.FAILED
    return row


def opened(request: gr.Request) -> tuple[str, str, Filled]:
    shown = rerun.opened(request)
    assert len(shown) == 4 + N_DRAWN
    return str(shown[0]), shown[3], Filled(**shown[-1])


def test_the_form_repeats_the_job_exactly(studio: User, job: Job, asking: Any) -> None:
    told, name, form = opened(asking(studio, **{"from": job.id}))
    assert "Filled in like" in told
    assert name == "tickets-lora", "the name of a job that failed is free again"
    assert (form.objective, form.base, form.data, form.method, form.effort) == (
        *("sft", "studio-nano", "tickets", "lora", "quick"),
    )
    assert form.instruction == "Answer."
    again = form.plan(studio)
    assert again.recipe.model_dump(mode="json") == job.spec["recipe"]


def test_a_taken_name_gets_a_number(studio: User, job: Job, asking: Any) -> None:
    plan = training.plan(studio, base="studio-nano", dataset="tickets", objective="sft", method="lora")
    training.submit(studio, plan, name="tickets-lora")
    assert opened(asking(studio, **{"from": job.id}))[1] == "tickets-lora-2"


def test_deleted_data_is_said_and_the_rest_stays(studio: User, job: Job, letters: Dataset, asking: Any) -> None:
    datasets.delete(studio, "tickets")
    told, _, form = opened(asking(studio, **{"from": job.id}))
    assert "The data “tickets” was deleted, so “letters” is chosen instead." in told
    assert "can’t learn from this data" in told, "plain text needs another goal"
    assert (form.data, form.objective) == ("letters", "continue_pretraining")


def test_other_data_of_the_same_shape_keeps_all_settings(studio: User, job: Job, asking: Any) -> None:
    old = datasets.get(studio, "tickets")
    with db.writing() as session:
        copy = Dataset(**{**old.model_dump(), "id": "d" * 16, "name": "others", "instruction": "Other."})
        session.add(copy)
    datasets.delete(studio, old.id)
    _, _, form = opened(asking(studio, **{"from": job.id}))
    assert form.data == "others"
    assert form.values["learning_rate"] == 0.05
    assert form.instruction == "Answer."


def retire(job: Job, **changes: Any) -> None:
    with db.writing() as session:
        base = job_inputs.of_job(job.id).model(Role.BASE)
        assert base is not None
        row = session.get_one(BaseModelRow, base.id)
        for name, value in {"deleted_at": 1.0, **changes}.items():
            setattr(row, name, value)


def test_a_base_that_is_gone_is_said(studio: User, job: Job, asking: Any) -> None:
    retire(job, name="old-nano", origin="old-nano", source="folder", owner_id=studio.id)
    told, _, form = opened(asking(studio, **{"from": job.id}))
    assert f"The base model “old-nano” no longer exists, so “{form.base}” is chosen instead." in told
    assert form.values["r"] == 4


def test_a_replaced_bundled_base_gives_way_to_its_successor(studio: User, job: Job, asking: Any) -> None:
    retire(job, name="studio-nano@0123", revision="0123")
    told, _, form = opened(asking(studio, **{"from": job.id}))
    assert "The base model “studio-nano@0123” no longer exists, so “studio-nano” is chosen instead." in told
    assert form.base == "studio-nano"


def test_settings_of_another_version_are_left_out_in_words(studio: User, job: Job, asking: Any) -> None:
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        recipe = row.spec["recipe"]
        row.spec = {"recipe": {**recipe, "method_params": {**recipe["method_params"], "old_setting": 3}}}
    told, _, form = opened(asking(studio, **{"from": job.id}))
    assert "no longer has the settings old_setting" in told
    assert form.values["r"] == 4


def test_only_a_training_can_be_reopened(studio: User, job: Job, asking: Any) -> None:
    evaluation = evaluations.submit(studio, models=["studio-nano"], dataset="tickets", name="scores")
    with pytest.raises(BadInput, match="a job of the kind evaluation"):
        rerun.opened(asking(studio, **{"from": evaluation.id}))
    with pytest.raises(NotFound):
        rerun.opened(asking(studio, **{"from": "nowhere"}))
    assert rerun.opened(asking(studio))[3] == train_form.opened(asking(studio))[3]
