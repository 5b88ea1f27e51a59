"""The Train page shows a choice of teacher where the goal has one, and keeps it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.pages import lineage, rerun, train_address, train_form, verdicts
from app.pages.filled import Filled
from storage import job_inputs
from storage.jobs import jobs
from storage.models import Dataset, User
from storage.planning import training

TEACHER, HOW = 8, 9
"""The places of the teacher and of the way to the goal among the outputs of what redraws the form."""


@pytest.fixture
def request_of(asking: Any, studio: User) -> gr.Request:
    return asking(studio)  # type: ignore[no-any-return]


def taught(request: gr.Request, **typed: Any) -> tuple[Any, Filled]:
    """The form with the goal chosen, and the teacher's update."""
    before = Filled(**train_form.opened(request)[-1])
    drawn = train_form.aimed(request, replace(before, objective="distill_logits", base="studio-nano", **typed), before)
    return drawn[TEACHER], Filled(**drawn[-1])


@pytest.mark.usefixtures("tickets")
def test_the_choice_is_there_only_for_goals_that_have_one(request_of: gr.Request) -> None:
    plain = train_form.opened(request_of)[4:]
    assert not plain[TEACHER]["visible"]
    assert Filled(**plain[-1]).objective == "sft", "learning from the rows alone stays the advice"
    teacher, form = taught(request_of)
    assert teacher["visible"]
    assert teacher["value"] == form.teacher == "studio-small"


@pytest.mark.usefixtures("tickets")
def test_the_plan_has_the_teacher_and_an_unfit_one_is_said_at_its_field(request_of: gr.Request, studio: User) -> None:
    _, form = taught(request_of)
    plan = form.plan(studio)
    assert plan.teacher is not None
    assert plan.teacher.name == "studio-small"
    assert "The teacher “studio-small” reads the rows first" in str(train_form.checked(request_of, form)[1])
    says = {"distill_text": "answers each prompt", "distill_on_policy": "stays in memory beside the student"}
    for objective, words in says.items():
        way = Filled(**train_form.turned(request_of, replace(form, objective=objective), form)[-1])
        assert f"The teacher “studio-small” {words}" in str(train_form.checked(request_of, way)[1])
    shown = train_form.checked(request_of, replace(form, teacher="studio-nano"))
    assert "itself" in str(shown[0])
    back = train_form.aimed(request_of, replace(form, objective="sft"), form)
    assert Filled(**back[-1]).plan(studio).teacher is None


@pytest.mark.usefixtures("tickets")
def test_the_address_keeps_it(request_of: gr.Request, studio: User, asking: Any, tickets: Dataset) -> None:
    _, form = taught(request_of)
    kept = json.loads(train_address.written(request_of, form, "n", "n")[1])
    assert kept["teacher"] == "studio-small"
    told = asking(studio, objective="distill_logits", base="studio-nano", teacher="studio-small")
    read = train_address.read(told, Filled("sft", "studio-nano", tickets.name, "lora"), tickets)
    assert (read.objective, read.teacher) == ("distill_logits", "studio-small")
    gone = train_form.drawn(studio, replace(read, teacher="gone"))
    assert gone[TEACHER]["value"] == "studio-small"


@pytest.mark.usefixtures("tickets")
def test_change_and_run_repeats_it(request_of: gr.Request, studio: User) -> None:
    _, form = taught(request_of)
    job = training.submit(studio, form.plan(studio), name="small-in-nano")
    found = rerun.reopened(studio, job)
    assert found
    assert found.form.teacher == "studio-small"
    drawn = Filled(**train_form.drawn(studio, found.form)[-1])
    again = drawn.plan(studio)
    assert again.teacher is not None
    assert again.recipe.model_dump(mode="json") == jobs.get(studio, job.id).spec["recipe"]
    assert "teacher: studio-small" in lineage.models(job_inputs.of_job(job.id))


def test_the_verdict_has_the_teacher_as_a_line() -> None:
    interval = {"value": 0.8, "low": 0.7, "high": 0.9}
    pair = {"base": interval, "adapted": interval, "difference": interval}
    line = {"name": "small", "metrics": {"label_accuracy": pair}, "sentence": "It kept 93 % [90, 96] of the lead."}
    shown = str(
        verdicts.block(
            {"verdict": "better", "sentence": "Better.", "metrics": {"label_accuracy": pair}} | {"teacher": line}
        )
    )
    assert "It kept 93 % [90, 96] of the lead." in shown
    assert "small (teacher)" in shown
