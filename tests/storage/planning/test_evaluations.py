"""Evaluations are queued for models that exist, on rows that were held out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from storage import job_inputs
from storage.bases import base_models
from storage.jobs import jobs
from storage.models import Dataset, User
from storage.planning import evaluations
from templates.errors import BadInput, NotFound
from templates.roles import Role

StoreDataset = Callable[..., Dataset]
ROWS = [{"text": f"text {n}", "label": "a"} for n in range(10)]


def test_an_evaluation_names_its_models_by_id(
    studio: User, store_dataset: StoreDataset, tiny_model_folder: Path
) -> None:
    data = store_dataset("tickets", "classification", ROWS)
    tiny = base_models.add(studio, "tiny", str(tiny_model_folder))
    nano = base_models.get(studio, "studio-nano")
    job = evaluations.submit(studio, models=["studio-nano", "tiny"], dataset="tickets", idem_key="k")
    used = job_inputs.of_job(job.id)
    assert [one.id for one in used.all(Role.MODEL)] == [nano.id, tiny.id]
    assert [one.id for one in used.all(Role.HELD_OUT)] == [data.id]
    assert (job.kind, job.spec) == ("evaluate", {"names": ["studio-nano", "tiny"], "instruction": ""})
    assert job.name == "studio-nano · tiny on tickets"
    assert evaluations.submit(studio, models=["studio-nano", "tiny"], dataset="tickets", idem_key="k").id == job.id


def test_every_model_gets_the_same_instruction(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS, instruction="Answer with one of: a, b.")
    of_data = evaluations.submit(studio, models=["studio-nano"], dataset="tickets")
    other = evaluations.submit(studio, models=["studio-nano"], dataset="tickets", instruction=" Be brief. ")
    none = evaluations.submit(studio, models=["studio-nano"], dataset="tickets", instruction="")
    assert [job.spec["instruction"] for job in (of_data, other, none)] == ["Answer with one of: a, b.", "Be brief.", ""]
    with pytest.raises(BadInput, match="can't be used with a suite"):
        evaluations.submit(studio, models=["studio-nano"], suite="general", instruction="Be brief.")


def test_every_wrong_model_is_named(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS)
    with pytest.raises(BadInput) as refused:
        evaluations.submit(studio, models=["studio-nano", "x", "studio-nano", "y"], dataset="tickets", name="../x")
    text = str(refused.value)
    for part in ("“x”", "“y”", "“studio-nano” is listed twice", "“../x” is not a valid name"):
        assert part in text
    assert jobs.of_user(studio) == []


@pytest.mark.parametrize("models", [[], ["studio-nano"] * 17])
def test_the_number_of_models_is_limited(studio: User, store_dataset: StoreDataset, models: list[str]) -> None:
    store_dataset("tickets", "classification", ROWS)
    with pytest.raises(BadInput, match="give 1 to 16 models"):
        evaluations.submit(studio, models=models, dataset="tickets")


def test_a_suite_needs_no_dataset(studio: User) -> None:
    job = evaluations.submit(studio, models=["studio-nano"], suite="general")
    nano = base_models.get(studio, "studio-nano")
    assert [(one.role, one.thing.id) for one in job_inputs.of_job(job.id)] == [("model", nano.id)]
    assert job.spec == {"names": ["studio-nano"], "suite": "general"}
    assert job.name == "studio-nano on the general suite"
    again = jobs.cancel(studio, job.id)
    retried = jobs.retry(studio, again.id)
    assert (retried.spec, job_inputs.of_job(retried.id)) == (job.spec, job_inputs.of_job(job.id))


def test_an_unknown_suite_is_named_with_the_known(studio: User) -> None:
    with pytest.raises(BadInput, match=r"no suite “x”\. Known: everyday, general(.|\n)*no model “y”"):
        evaluations.submit(studio, models=["y"], suite="x")
    assert jobs.of_user(studio) == []


@pytest.mark.parametrize("on", [{}, {"dataset": "tickets", "suite": "general"}])
def test_exactly_one_of_dataset_and_suite(studio: User, store_dataset: StoreDataset, on: dict[str, str]) -> None:
    store_dataset("tickets", "classification", ROWS)
    with pytest.raises(BadInput, match="give “dataset” or “suite”"):
        evaluations.submit(studio, models=["studio-nano"], **on)
    assert jobs.of_user(studio) == []


def test_there_must_be_something_to_score_on(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS, 0)
    with pytest.raises(BadInput, match="no held-out rows"):
        evaluations.submit(studio, models=["studio-nano"], dataset="tickets")
    with pytest.raises(NotFound):
        evaluations.submit(studio, models=["studio-nano"], dataset="nothing")
