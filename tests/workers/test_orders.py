"""Orders: complete, or refused naming what is missing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from storage import db, files, job_inputs
from storage.bases import base_models
from storage.jobs import jobs, leases, worker_rows, workspaces
from storage.jobs.leases import Lease
from storage.models import Dataset, User
from storage.planning import evaluations
from storage.settings import settings
from templates.errors import StudioError
from templates.recipe import compose
from templates.roles import Role
from workers import orders
from workers.orders.evaluate import EvaluationOrder
from workers.orders.train import TrainingOrder


@pytest.fixture
def dataset(studio: User) -> Dataset:
    """A dataset with a file."""
    sha256, _ = files.put_blob(io.BytesIO(b"rows"))
    row = Dataset(
        owner_id=studio.id, name="rows", shape="prompt_completion", source_filename="rows.csv", sha256=sha256,
        mapping={}, n_rows=9, n_held_out=3, split_seed=1, created_at=0,
    )  # fmt: skip
    with db.writing() as session:
        session.add(row)
    return row


def lease_for(user: User, dataset: Dataset, **job: object) -> Lease:
    base = base_models.of_user(user)[0]
    given: dict[str, object] = {"name": "tone", "kind": "train"}
    given["inputs"] = [*job_inputs.of(Role.BASE, base), *job_inputs.of(Role.TRAINING, dataset)]
    jobs.submit(user, **{**given, **job})  # type: ignore[arg-type]
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    return lease


def test_a_training_order_says_everything(studio: User, dataset: Dataset) -> None:
    recipe = compose("sft", "lora")
    lease = lease_for(studio, dataset, spec={"recipe": recipe.model_dump(mode="json")})
    order = orders.of(lease, threads=2)
    assert isinstance(order, TrainingOrder)
    assert (order.recipe, order.threads, order.attempt, order.shape) == (recipe, 2, 1, "prompt_completion")
    assert (Path(order.base.base_folder) / "config.json").is_file()
    assert Path(order.dataset_file).read_bytes() == b"rows"
    assert list(Path(order.staging).iterdir()) == []
    assert Path(order.checkpoints) == workspaces.checkpoints(lease.job.id)
    assert order.base_source == "bundled"
    assert order.held_out_openings == 0
    assert order.forgetting_items == 0, "the tests' setting"
    assert (order.forgetting_suite, order.own_prompts) == ("general", 64)
    assert Path(order.measurements).is_relative_to(settings().files)


def test_an_order_says_how_often_its_held_out_side_was_opened(studio: User, dataset: Dataset) -> None:
    spec = {"recipe": compose("sft", "lora").model_dump(mode="json")}
    leases.succeed(lease_for(studio, dataset, spec=spec), opened=dataset.id, result={}, actual={})
    assert orders.of(lease_for(studio, dataset, spec=spec), threads=1).held_out_openings == 1


def test_an_evaluation_order_names_its_models(studio: User, dataset: Dataset) -> None:
    base = base_models.of_user(studio)[0]
    evaluations.submit(studio, models=[base.name], dataset="rows")
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = orders.of(lease, threads=1)
    assert isinstance(order, EvaluationOrder)
    (model,) = order.models
    assert (model.name, model.base_revision, model.adapter_folder) == (base.name, base.revision, None)


def test_an_order_on_a_suite_has_no_rows(studio: User) -> None:
    evaluations.submit(studio, models=["studio-nano"], suite="general")
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = orders.of(lease, threads=1)
    assert isinstance(order, EvaluationOrder)
    assert (order.suite, order.dataset_file, order.models[0].name) == ("general", "", "studio-nano")
    assert order.staging


def test_a_missing_dataset_is_named(studio: User, dataset: Dataset) -> None:
    lease = lease_for(studio, dataset, spec={"recipe": compose("sft", "lora").model_dump(mode="json")})
    files.blob_path(dataset.sha256).unlink()
    with pytest.raises(StudioError, match=r"rows\.csv") as raised:
        orders.of(lease, threads=1)
    assert raised.value.code == "dataset_missing"


@pytest.mark.parametrize("spec", [{}, {"recipe": {"method": "lora"}}, {"recipe": 3}])
def test_a_spec_of_another_version_is_refused(studio: User, dataset: Dataset, spec: dict[str, object]) -> None:
    with pytest.raises(StudioError, match="Another version") as raised:
        orders.of(lease_for(studio, dataset, spec=spec), threads=1)
    assert raised.value.code == "old_job"


def test_parameters_that_are_out_of_bounds_by_now_are_refused(studio: User, dataset: Dataset) -> None:
    recipe = compose("sft", "lora").model_dump(mode="json")
    recipe["method_params"]["r"] = -1
    with pytest.raises(StudioError, match="Another version"):
        orders.of(lease_for(studio, dataset, spec={"recipe": recipe}), threads=1)


def test_a_teacher_is_named_with_its_licence_and_hash(studio: User, dataset: Dataset) -> None:
    small = base_models.get(studio, "studio-small")
    recipe = compose("distill_logits", "lora")
    inputs = [
        *job_inputs.of(Role.BASE, base_models.get(studio, "studio-nano")),
        *job_inputs.of(Role.TRAINING, dataset),
        *job_inputs.of(Role.TEACHER, small),
    ]
    lease = lease_for(studio, dataset, spec={"recipe": recipe.model_dump(mode="json")}, inputs=inputs)
    order = orders.of(lease, threads=1)
    assert isinstance(order, TrainingOrder)
    assert order.teacher is not None
    assert order.teacher.ref.name == "studio-small"
    assert order.teacher.license == small.license
    assert order.teacher.sha256 == small.revision
    assert order.teacher.facts.n_parameters > order.facts.n_parameters
    assert Path(order.teacher_readings) == settings().files / "teachers"


def test_an_objective_that_needs_a_teacher_is_refused_without_one(studio: User, dataset: Dataset) -> None:
    recipe = compose("distill_logits", "lora")
    with pytest.raises(StudioError) as raised:
        orders.of(lease_for(studio, dataset, spec={"recipe": recipe.model_dump(mode="json")}), threads=1)
    assert raised.value.code == "old_job"
