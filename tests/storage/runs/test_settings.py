"""Every setting of every kind of job is told, and what differs from the advice is marked."""

from __future__ import annotations

from storage import job_inputs
from storage.data import datasets
from storage.models import Dataset, Job, User
from storage.planning import evaluations, generations
from storage.runs import advice, settings
from storage.runs.settings import Setting
from tests.storage.runs.conftest import Ended


def told(job: Job) -> dict[str, Setting]:
    return {one.key: one for one in settings.of(job, job_inputs.of_job(job.id))}


def test_a_training_tells_its_whole_recipe(studio: User, tickets: Dataset, ended: Ended) -> None:
    job = ended("run", tickets, 20, settings={"learning_rate": 0.05, "r": 4, "seed": 7}, instruction="Answer.")
    found = told(job)
    recipe = job.spec["recipe"]
    assert found.keys() >= {"objective", "method", "quantization", "base", "training", "instruction"}
    assert found.keys() >= {*recipe["objective_params"], *recipe["method_params"]}
    assert found["base"].value.startswith("studio-nano (revision ")
    assert found["training"].value == f"tickets (40 + 40 held-out rows, {tickets.sha256[:12]})"
    assert found["instruction"].value == "Answer."
    differing = {key: (one.value, one.advised) for key, one in found.items() if one.advised is not None}
    assert differing == {"learning_rate": ("0.05", "0.002"), "r": ("4", "16"), "seed": ("7", "42")}
    assert found["learning_rate"].title == "Learning rate"


def test_the_advice_is_that_of_the_nearest_effort(studio: User, tickets: Dataset, ended: Ended) -> None:
    for preset in ("quick", "balanced", "thorough"):
        job = ended(f"run-{preset}", tickets, 20, preset=preset, settings={"r": 8})
        recipe = settings.recipe_of(job)
        assert recipe is not None
        found = advice.of(recipe, job_inputs.of_job(job.id))
        assert found is not None
        assert found.effort == preset
        assert advice.differences(recipe, found.recipe) == {"r": 8}


def test_deleted_data_is_named_as_deleted(studio: User, tickets: Dataset, ended: Ended) -> None:
    job = ended("run", tickets, 20)
    datasets.delete(studio, "tickets")
    assert told(job)["training"].value == f"tickets (40 + 40 held-out rows, {tickets.sha256[:12]}, deleted)"


def test_evaluations_and_generations_tell_theirs(studio: User, tickets: Dataset) -> None:
    scores = told(evaluations.submit(studio, models=["studio-nano", "studio-small"], dataset="tickets"))
    assert scores["model"].value.count("revision") == 2
    assert scores["held_out"].title == "Data"
    assert scores["instruction"].value == "none"
    suite = told(evaluations.submit(studio, models=["studio-nano"], suite="general"))
    assert suite["suite"].value == "general"
    made = told(
        generations.submit(studio, model="studio-nano", dataset="tickets", name="made", settings={"temperature": 0.7})
    )
    assert made["temperature"].value == "0.7"
    assert made["max_new_tokens"].title == "Longest answer (tokens)"
    assert made["prompts"].value.startswith("tickets (")
