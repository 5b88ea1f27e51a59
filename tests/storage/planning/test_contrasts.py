"""The same training without its teacher."""

from __future__ import annotations

import io
from typing import Any

import pytest

from storage import db, job_inputs
from storage.data import datasets, uploads
from storage.jobs import jobs
from storage.models import Dataset, Job, JobState, User
from storage.planning import contrasts, training
from templates.errors import BadInput
from templates.recipe import Recipe
from templates.roles import Role


def added(user: User, name: str, content: bytes, **how: Any) -> Dataset:
    return datasets.add(user, uploads.save(user, name, io.BytesIO(content)), name=name.partition(".")[0], **how)


@pytest.fixture
def tickets(studio: User) -> Dataset:
    rows = [f"where is my parcel {i}?,{('lost', 'refund')[i % 2]}" for i in range(40)]
    return added(studio, "tickets.csv", "\n".join(["text,category", *rows]).encode())


def ended(user: User, job: Job, state: JobState = JobState.SUCCEEDED) -> Job:
    with db.writing() as session:
        session.get_one(Job, job.id).state = state
    return jobs.get(user, job.id)


def taught(user: User, dataset: str = "tickets", objective: str = "distill_on_policy", **asked: Any) -> Job:
    plan = training.plan(
        user,
        base="studio-nano",
        dataset=dataset,
        objective=objective,
        teacher="studio-small",
        **{"method": "lora", "preset": "quick", **asked},
    )
    return ended(user, training.submit(user, plan, name=f"{dataset}-taught"))


def test_it_has_the_same_rows_method_seed_and_settings(studio: User, tickets: Dataset) -> None:
    settings = {"seed": 7, "learning_rate": 0.003, "r": 4, "max_length": 96, "temperature": 2.0}
    job = taught(studio, instruction="Be brief.", settings=settings)
    made = contrasts.submit(studio, job)
    recipe, before = (Recipe.model_validate(one.spec["recipe"]) for one in (made, job))
    assert (recipe.objective, recipe.method, recipe.instruction) == ("sft", "lora", "Be brief.")
    assert recipe.method_params == before.method_params
    plain = recipe.objective_params.items()
    of_both = {name: value for name, value in plain if name in before.objective_params}
    assert of_both == {name: before.objective_params[name] for name in of_both}
    assert len(of_both) > 15
    assert "temperature" not in recipe.objective_params
    inputs = job_inputs.of_job(made.id)
    assert inputs.dataset(Role.TRAINING) == job_inputs.of_job(job.id).dataset(Role.TRAINING)
    assert inputs.model(Role.TEACHER) is None
    assert made.name == "tickets-taught-without-teacher"


def test_it_is_queued_once_and_each_knows_the_other(studio: User, tickets: Dataset) -> None:
    job = taught(studio)
    assert contrasts.of(studio, job) is None
    made = contrasts.submit(studio, job)
    assert contrasts.submit(studio, job).id == made.id
    assert len(jobs.of_user(studio)) == 2
    found, back = contrasts.of(studio, job), contrasts.taught(studio, made)
    assert found
    assert back
    assert (found.id, back.id) == (made.id, job.id)
    assert contrasts.taught(studio, job) is None
    again = jobs.retry(studio, ended(studio, made, JobState.FAILED).id)
    last, of_again = contrasts.of(studio, job), contrasts.taught(studio, again)
    assert last
    assert of_again
    assert (last.id, of_again.id) == (again.id, job.id), "the one that was run last counts"


def test_plain_text_is_learned_by_continued_pretraining(studio: User) -> None:
    text = "".join(f"Dear Ann, the parcel {i} has come.\n\n" for i in range(30)).encode()
    added(studio, "letters.txt", text, shape="text")
    made = contrasts.submit(studio, taught(studio, "letters", "distill_logits"))
    assert made.spec["recipe"]["objective"] == "continue_pretraining"


def test_where_there_is_nothing_to_contrast(studio: User, tickets: Dataset) -> None:
    added(studio, "asked.jsonl", b"".join(b'{"prompt": "Which %d?"}\n' % i for i in range(30)), shape="prompt_only")
    job = taught(studio)

    def offered(one: Job) -> bool:
        return contrasts.objective(one, job_inputs.of_job(one.id)) is not None

    assert offered(job)
    assert not offered(taught(studio, "asked", "distill_text")), "rows without answers teach nothing by themselves"
    assert not offered(ended(studio, job, JobState.FAILED))
    plan = training.plan(studio, base="studio-nano", dataset="tickets", objective="sft", method="lora")
    plain = ended(studio, training.submit(studio, plan, name="plain"))
    assert not offered(plain)
    with pytest.raises(BadInput, match="“plain” can’t be run without a teacher"):
        contrasts.submit(studio, plain)
    ended(studio, job)
    datasets.delete(studio, "tickets")
    assert not offered(jobs.get(studio, job.id))
