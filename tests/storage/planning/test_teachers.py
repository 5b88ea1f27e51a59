"""A teacher is found, compared, priced and kept as an input of the job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import db, job_inputs
from storage.bases import base_models, deletions
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Artifact, Dataset, User
from storage.planning import figures, teacher_costs, teachers, training
from storage.planning.machines import Machine
from templates.errors import BadInput, Conflict
from templates.roles import Role
from tests.contracts import small_models

StoreDataset = Callable[..., Dataset]
ROWS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]


@pytest.fixture
def tickets(store_dataset: StoreDataset) -> Dataset:
    return store_dataset("tickets", "classification", ROWS, 4)


def planned(user: User, **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": "studio-nano", "dataset": "tickets", "method": "lora"}
    return training.plan(user, **{**choice, "objective": "distill_logits", "teacher": "studio-small", **changes})


def refused(user: User, **changes: Any) -> list[tuple[str | None, str, str | None]]:
    with pytest.raises(BadInput) as raised:
        planned(user, **changes)
    return [(problem.field, problem.message, problem.remedy) for problem in raised.value.problems]


@pytest.mark.usefixtures("tickets")
def test_the_teacher_is_an_input_that_stays_while_the_job_needs_it(studio: User) -> None:
    plan = planned(studio, teacher="studio-small")
    assert plan.teacher is not None
    job = training.submit(studio, plan, name="small-in-nano")
    teacher = job_inputs.of_job(job.id).model(Role.TEACHER)
    assert teacher is not None
    assert teacher.name == "studio-small"
    assert teacher.id == plan.teacher.id
    again = jobs.cancel(studio, job.id)
    assert job_inputs.of_job(jobs.retry(studio, again.id).id).model(Role.TEACHER) == teacher


@pytest.mark.usefixtures("tickets")
def test_a_missing_superfluous_or_unknown_teacher_is_refused_at_its_field(studio: User) -> None:
    ((field, message, _),) = refused(studio, teacher=None)
    assert field == "teacher"
    assert "none is given" in message
    ((field, message, remedy),) = refused(studio, objective="sft")
    assert field == "teacher"
    assert "takes no teacher" in message
    assert "distill_logits" in str(remedy)
    ((field, message, remedy),) = refused(studio, teacher="nobody")
    assert field == "teacher"
    assert "nobody" in message
    assert "studio-small" in str(remedy)
    ((field, message, _),) = refused(studio, teacher="studio-nano")
    assert field == "teacher"
    assert "itself" in message


@pytest.mark.usefixtures("tickets")
def test_all_problems_come_at_once(studio: User) -> None:
    found = refused(studio, teacher="nobody", settings={"learning_rate": 7})
    assert {field for field, _, _ in found} == {"teacher", "learning_rate"}


@pytest.mark.usefixtures("tickets")
def test_other_tokens_are_refused_with_a_way_out(studio: User, tmp_path: Path) -> None:
    base_models.add(studio, "foreign", str(small_models.write("qwen3", tmp_path / "foreign")))
    ((field, message, remedy),) = refused(studio, teacher="foreign", settings={"max_length": 64})
    assert field == "teacher"
    assert "same tokens" in message
    assert "studio generate" in str(remedy)
    assert "distill_gold" in str(remedy)
    assert "distill_text" in str(remedy)
    assert planned(studio, teacher="foreign", objective="distill_gold", settings={"max_length": 64}).teacher
    ((field, _, _),) = refused(studio, base="foreign", teacher="studio-small", settings={"max_length": 64})
    assert field == "teacher"


@pytest.mark.usefixtures("tickets")
def test_heads_of_different_sizes_don_t_matter(studio: User, tmp_path: Path) -> None:
    small_models.write("qwen3", tmp_path / "one")
    small_models.write("qwen3", tmp_path / "padded", vocab_size=768)
    for name in ("one", "padded"):
        base_models.add(studio, name, str(tmp_path / name))
    plan = planned(studio, base="one", teacher="padded", settings={"max_length": 64})
    assert plan.teacher is not None
    assert plan.teacher.name == "padded"


@pytest.mark.usefixtures("tickets")
def test_longer_rows_than_the_teacher_can_read_are_refused(studio: User, tmp_path: Path) -> None:
    small_models.write("qwen3", tmp_path / "one")
    small_models.write("qwen3", tmp_path / "short", max_position_embeddings=96)
    for name in ("one", "short"):
        base_models.add(studio, name, str(tmp_path / name))
    ((field, message, remedy),) = refused(studio, base="one", teacher="short", settings={"max_length": 128})
    assert field == "max_length"
    assert "96" in str(remedy)
    assert "short" in message


@pytest.mark.usefixtures("tickets")
def test_a_sampled_teacher_allows_forward_kl_only(studio: User) -> None:
    ((field, message, _),) = refused(studio, settings={"divergence": "jsd"})
    assert field == "divergence"
    assert "top_k or full" in message
    assert planned(studio, settings={"divergence": "jsd", "teacher_cache": "top_k"}).recipe


@pytest.mark.usefixtures("tickets")
def test_the_estimate_knows_the_teacher(studio: User) -> None:
    taught, plain = planned(studio).estimate, planned(studio, objective="sft", teacher=None).estimate
    assert taught.seconds_by_stage["reading the teacher"] > 0
    assert taught.seconds > plain.seconds
    assert taught.disk_bytes > plain.disk_bytes
    assert taught.memory_bytes == max(
        plain.memory_bytes,
        taught.memory_by_part["process"] + teacher_costs._memory(_facts(studio, "studio-small"), _machine(10**12)),
    )


def _facts(user: User, name: str) -> Any:
    return base_models.facts(base_models.get(user, name))


def _machine(free: int) -> Machine:
    return Machine("a worker's CPU", False, free, 10**12, 1e10, True)


@pytest.mark.usefixtures("tickets")
def test_a_teacher_that_does_not_fit_is_refused_and_says_where_it_would(
    studio: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = planned(studio, objective="sft", teacher=None).estimate.memory_bytes
    monkeypatch.setattr(training.machines, "of_worker", lambda *_given: _machine(round(1.1 * needs)))
    large = base_models.facts(base_models.get(studio, "studio-small")).model_copy(update={"n_parameters": 10**10})
    monkeypatch.setattr(teachers.Found, "facts", property(lambda _self: large))
    with pytest.raises(training.DoesNotFit) as raised:
        planned(studio)
    (problem,) = raised.value.problems
    assert problem.field == "teacher"
    assert "studio-small" in problem.message
    assert "larger machine" in str(problem.remedy)
    assert "the training itself needs only" in str(problem.remedy)


@pytest.mark.usefixtures("tickets")
def test_a_result_that_teaches_can_t_be_deleted(studio: User) -> None:
    base = base_models.get(studio, "studio-nano")
    made = jobs.submit(studio, name="n", kind="train", spec={"recipe": {}}, inputs=job_inputs.of(Role.BASE, base))
    jobs.cancel(studio, made.id)
    row = Artifact(owner_id=studio.id, job_id=made.id, attempt=1, name="wise", kind="adapter", location="x",
                   manifest_sha256="0" * 64, facts={}, size_bytes=1, duration_s=0, created_at=0)  # fmt: skip
    with db.writing() as session:
        session.add(row)
    jobs.submit(studio, name="taught", kind="train", spec={"recipe": {}}, inputs=job_inputs.of(Role.TEACHER, row))
    with pytest.raises(Conflict, match="taught"):
        artifacts.delete(studio, "wise")


@pytest.mark.usefixtures("tickets")
def test_a_teacher_in_use_can_t_be_deleted(studio: User, tmp_path: Path) -> None:
    for name in ("one", "padded"):
        base_models.add(studio, name, str(small_models.write("qwen3", tmp_path / name)))
    plan = planned(studio, base="one", teacher="padded", settings={"max_length": 64})
    training.submit(studio, plan, name="taught")
    with pytest.raises(Conflict, match="taught"):
        deletions.delete(studio, "padded")


def test_comparing_is_remembered(studio: User, tmp_path: Path, tickets: Dataset) -> None:
    assert tickets.name
    base_models.add(studio, "foreign", str(small_models.write("qwen3", tmp_path / "foreign")))
    refused(studio, teacher="foreign")
    kept = list((figures._folder()).glob("*.json"))
    refused(studio, teacher="foreign")
    assert list((figures._folder()).glob("*.json")) == kept
