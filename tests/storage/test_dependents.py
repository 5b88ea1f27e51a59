"""What depends on a model is named, and other people's things are only counted."""

from __future__ import annotations

import pytest

from storage import db, dependents, job_inputs, users
from storage.jobs import jobs
from storage.models import Artifact, BaseModelRow, Dataset, Job, User
from templates.roles import Role
from tests.storage.base_rows import base_row


@pytest.fixture
def house(studio: User) -> BaseModelRow:
    return base_row(studio, "house", shared=True)


def result(user: User, name: str, on: BaseModelRow | Artifact, created_at: float = 0.0) -> Artifact:
    job = jobs.submit(user, name=f"job-{name}", kind="train", spec={}, inputs=job_inputs.of(Role.BASE, on))
    jobs.cancel(user, job.id)
    made = Artifact(
        owner_id=user.id, name=name, job_id=job.id, attempt=1, kind="adapter", facts={}, location="artifacts/x/1",
        manifest_sha256="x", size_bytes=1, duration_s=0.0, created_at=created_at,
    )  # fmt: skip
    with db.writing() as session:
        session.add(made)
    return made


def answers(user: User, on: BaseModelRow) -> Job:
    job = jobs.submit(user, name="answers", kind="generate", spec={}, inputs=job_inputs.of(Role.MODEL, on))
    jobs.cancel(user, job.id)
    with db.writing() as session:
        session.add(
            Dataset(
                owner_id=user.id, name="answers", shape="prompt_completion", source_filename="", sha256="0" * 64,
                mapping={}, n_rows=1, n_held_out=0, split_seed=0, made_by_job_id=job.id, created_at=0.0,
            )
        )  # fmt: skip
    return job


def test_nothing_depends_on_a_new_model(studio: User, house: BaseModelRow) -> None:
    assert dependents.of(studio, house).sentences() == ["Nothing else depends on it."]


def test_results_jobs_and_answers_of_a_model_are_named(studio: User, house: BaseModelRow) -> None:
    result(studio, "tone", house)
    answers(studio, house)
    jobs.submit(studio, name="waiting", kind="train", spec={}, inputs=job_inputs.of(Role.BASE, house))
    said = " ".join(dependents.of(studio, house).sentences())
    assert "It can't be deleted yet: 1 job (“waiting”) uses it" in said
    assert "1 result (“tone”) was made from it; it stays and can still be used" in said
    assert "1 dataset (“answers”) was made from it" in said


def test_other_peoples_things_are_counted_and_not_named(studio: User, house: BaseModelRow) -> None:
    bob = users.add("bob", "correct horse battery")
    result(bob, "secret", house)
    jobs.submit(bob, name="hidden", kind="train", spec={}, inputs=job_inputs.of(Role.BASE, house))
    found = dependents.of(studio, house)
    said = " ".join(found.sentences())
    assert (found.jobs, found.results, found.n_foreign_jobs, found.n_foreign_results) == ((), (), 1, 1)
    assert "1 job of other people uses it" in said
    assert "1 result of other people was made from it" in said
    assert "secret" not in said
    assert "hidden" not in said


def test_results_are_listed_by_the_model_that_they_were_trained_on(studio: User, house: BaseModelRow) -> None:
    first, _ = result(studio, "first", house, 1.0), result(studio, "second", house, 2.0)
    result(studio, "on-top", first, 3.0)
    result(users.add("bob", "correct horse battery"), "secret", house, 4.0)
    assert dependents.trained_on(studio, [house.id, first.id]) == {
        house.id: ["second", "first"],
        first.id: ["on-top"],
    }
    assert dependents.trained_on(studio, []) == {}
