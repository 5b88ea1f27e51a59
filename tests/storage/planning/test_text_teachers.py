"""A training on a teacher's answers is planned: prompts alone count, and what can't be judged is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.bases import base_models
from storage.models import Dataset, User
from storage.planning import training
from templates import registry
from templates.errors import BadInput
from tests.contracts import small_models

StoreDataset = Callable[..., Dataset]
PROMPTS = [
    {"prompt": [{"role": "user", "content": f"where is parcel {n}?"}], "system": None, "tools": None} for n in range(40)
]
TICKETS = [{"text": f"where is parcel {n}?", "label": "shipping"} for n in range(40)]


@pytest.fixture(autouse=True)
def data(store_dataset: StoreDataset) -> None:
    store_dataset("bare", "prompt_only", PROMPTS, 4)
    store_dataset("tickets", "classification", TICKETS, 4)


def planned(user: User, dataset: str = "bare", **settings: Any) -> training.Plan:
    teacher, objective = settings.pop("teacher", "studio-small"), settings.pop("objective", "distill_text")
    choice: dict[str, Any] = {"base": "studio-nano", "objective": objective, "method": "full", "teacher": teacher}
    return training.plan(user, dataset=dataset, settings=settings, **choice)


def problems(user: User, *given: str, **settings: Any) -> list[tuple[str | None, str]]:
    with pytest.raises(BadInput) as raised:
        planned(user, *given, **settings)
    return [(problem.field, problem.message) for problem in raised.value.problems]


def test_prompts_alone_can_be_learned_with_the_answers_to_come(studio: User) -> None:
    plan = planned(studio, max_new_tokens=64)
    assert plan.lengths.n_refused == 0
    assert 30 * 36 < plan.lengths.n_trained_tokens < 40 * 36
    assert plan.estimate.seconds_by_stage["letting the teacher answer"] > 0


def test_more_and_longer_answers_take_longer(studio: User) -> None:
    one = planned(studio, "tickets", max_new_tokens=64).estimate
    four = planned(studio, "tickets", max_new_tokens=64, num_return_sequences=4, teacher_temperature=0.7).estimate
    longer = planned(studio, "tickets", max_new_tokens=256).estimate
    stage = "letting the teacher answer"
    assert four.seconds_by_stage[stage] > 1.5 * one.seconds_by_stage[stage]
    assert longer.seconds_by_stage[stage] > 1.5 * one.seconds_by_stage[stage]
    assert four.steps > 3 * one.steps
    assert "teacher, before the training" in one.memory_by_part


def test_filters_and_decoding_that_can_t_work_are_refused_at_their_fields(studio: User) -> None:
    ((field, message),) = problems(studio, filters=["same_text"])
    assert field == "filters"
    assert "have none" in message
    assert planned(studio, "tickets", filters=["same_text"]).recipe
    ((field, message),) = problems(studio, num_return_sequences=3)
    assert field == "num_return_sequences"
    assert "teacher_temperature" in message
    ((field, message),) = problems(studio, filters=["agreement"])
    assert field == "filters"
    assert "num_return_sequences" in message


def test_the_filters_settings_are_kept_and_only_for_those_picked(studio: User) -> None:
    plan = planned(studio, filters=["length", "cut_off"], max_characters=80)
    training.submit(studio, plan, name="taught")
    assert plan.recipe.training().picked == {"length": {"min_characters": 1, "max_characters": 80}, "cut_off": {}}
    found = problems(studio, filters=["cut_off"], max_characters=80, min_agreement=0.9)
    assert {field for field, _ in found} == {"max_characters", "min_agreement"}
    assert all("add that to filters" in message for _, message in found)
    ((field, message),) = problems(studio, filters=["length"], min_characters=9, max_characters=3)
    assert (field, "must not be smaller" in message) == ("max_characters", True)


def test_prompts_alone_are_written_and_read_where_probabilities_are_learned(studio: User) -> None:
    plan = planned(studio, objective="distill_logits", max_new_tokens=64)
    stages = plan.estimate.seconds_by_stage
    assert stages["letting the teacher answer"] > 0
    assert stages["reading the teacher"] > 0
    job = training.submit(studio, plan, name="taught")
    between = registry.job_kind("train").stages_of(job.spec)
    assert between[:3] == ("preparing", "letting the teacher answer", "reading the teacher")
    labelled = planned(studio, "tickets", objective="distill_logits")
    assert "letting the teacher answer" not in labelled.estimate.seconds_by_stage
    other = training.submit(studio, labelled, name="labelled")
    assert registry.job_kind("train").stages_of(other.spec)[1:3] == ("reading the teacher", "training")
    assert problems(studio, objective="distill_logits", max_new_tokens=5000)[0][0] == "max_new_tokens"


def test_a_student_that_writes_itself_needs_no_answers_to_learn(studio: User, store_dataset: StoreDataset) -> None:
    plan = planned(studio, objective="distill_on_policy", max_completion_length=32)
    job = training.submit(studio, plan, name="tried")
    assert registry.job_kind("train").stages_of(job.spec)[1:3] == ("letting the teacher answer", "training")
    written = plan.estimate.seconds_by_stage["letting the teacher answer"]
    assert written > 0
    many = [
        {"prompt": [{"role": "user", "content": f"what is {n}?"}], "system": None, "tools": None} for n in range(400)
    ]
    store_dataset("many", "prompt_only", many, 20)
    some = planned(studio, "many", objective="distill_on_policy", max_completion_length=32).estimate
    all_ = planned(studio, "many", objective="distill_features", max_new_tokens=32).estimate
    stage = "letting the teacher answer"
    assert some.seconds_by_stage[stage] < 0.7 * all_.seconds_by_stage[stage], (
        "84 answers instead of 400; both read all rows"
    )
    found = problems(studio, objective="distill_on_policy", max_completion_length=5000)
    assert found[0][0] == "max_completion_length"


def test_what_needs_answers_says_so_of_prompts_alone(studio: User) -> None:
    with pytest.raises(BadInput, match="needs rows with answers") as caught:
        training.plan(studio, base="studio-nano", dataset="bare", objective="self_distill", method="lora")
    remedy = str(caught.value.problems[0].remedy)
    assert "Let a model answer them first" in remedy
    assert "distill_on_policy" in remedy


def test_a_teacher_of_other_tokens_is_taken_if_it_can_write_so_much(studio: User, tmp_path: Path) -> None:
    folder = small_models.write("qwen3", tmp_path / "foreign", max_position_embeddings=96)
    base_models.add(studio, "foreign", str(folder))
    assert planned(studio, teacher="foreign", max_new_tokens=32).teacher is not None
    ((field, message),) = problems(studio, teacher="foreign", max_new_tokens=128)
    assert field == "max_new_tokens"
    assert "96" in message
