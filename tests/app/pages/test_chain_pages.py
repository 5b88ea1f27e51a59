"""A training that goes on from a result: on Train, in the gallery, on the job's page, over REST and as command."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from app.cli import verdicts as lines
from app.cli.train import planned
from app.pages import comparison, gallery, job_progress, rerun, train_form, verdicts
from app.pages.alerts import guarded
from app.pages.filled import Filled
from app.pages.train_form import N_CHECKED
from storage import job_inputs
from storage.models import Artifact, Job, User
from storage.planning import training
from templates.at_strength import AtStrength
from tests.published import published

ANY = (gallery.ANY,) * 4
BASE, WAY = 2, 7
"""Places in what redraws the form."""
check = guarded(N_CHECKED)(train_form.checked)


def opened(request: gr.Request) -> list[Any]:
    return train_form.opened(request)[4:]


@pytest.fixture
def second(studio: User, finished: tuple[Job, Artifact]) -> Artifact:
    """A result that goes on from the finished one, with a verdict that has a root."""
    first = finished[1]
    plan = training.plan(studio, base="tickets-lora", dataset="tickets", objective="sft", method="ia3")
    job = training.submit(studio, plan, name="second")
    verdict = first.facts["verdict"]
    root = {"name": "studio-nano", "metrics": verdict["metrics"]}
    facts = {
        "recipe": plan.recipe.model_dump(mode="json"),
        "weights_sha256": "cd" * 32,
        "continued": "merged",
        "own_base": "ef" * 32,
        "verdict": {**verdict, "parent": "tickets-lora", "root": root},
    }
    return published(job, "adapter", facts)


def test_a_result_stands_below_the_base_models_and_can_be_chosen(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    drawn = opened(asking(studio, data="tickets", base="tickets-lora"))
    assert drawn[BASE]["choices"][-1] == ("tickets-lora · your adapter, from studio-nano", "tickets-lora")
    assert (drawn[BASE]["value"], drawn[WAY]["visible"], drawn[WAY]["value"]) == ("tickets-lora", True, "advised")
    form = Filled(**drawn[-1])
    assert "itself is trained further" in check(asking(studio), form)[1]
    drawn = train_form.chosen(asking(studio), replace(form, continue_from="merged"), form)
    merged = Filled(**drawn[-1])
    assert merged.continue_from == "merged"
    assert "is merged into its base in full precision" in check(asking(studio), merged)[1]
    drawn = train_form.rebased(asking(studio), replace(merged, base="studio-nano"), merged)
    assert (drawn[WAY]["visible"], drawn[WAY]["value"]) == (False, "advised")
    typed = replace(form, continue_from="same_adapter", values={**form.values, "r": 32})
    assert "can’t be trained further: Rank is 16" in check(asking(studio), typed)[0].replace("&#39;", "’").replace(
        "'", "’"
    )


def test_a_change_of_the_form_comes_back_with_the_address_and_with_the_job(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    drawn = opened(asking(studio, data="tickets", base="tickets-lora", **{"continue": "merged"}))
    form = Filled(**drawn[-1])
    assert form.continue_from == "merged"
    job = training.submit(studio, form.plan(studio), name="further")
    again = rerun.reopened(studio, job)
    assert again is not None
    assert (again.form.base, again.form.continue_from, again.remarks) == ("tickets-lora", "merged", [])


def test_the_gallery_shows_the_whole_chain(studio: User, second: Artifact, asking: Any) -> None:
    cards = gallery.show_cards(asking(studio), *ANY)[1]
    chain = "studio-nano → tickets-lora (sft, lora on tickets) → ia3 → tickets"
    assert chain in cards
    assert "compare?models=studio-nano,tickets-lora,second" in cards
    assert 'href="train?base=second"' in cards
    head = job_progress.head(Job(id=second.job_id, name="second", kind="train", spec={}), _inputs(second))
    assert "studio-nano → tickets-lora (sft" in head
    assert [str(one) for one in comparison.with_base(studio, [AtStrength("second")])] == ["tickets-lora", "second"]


def _inputs(artifact: Artifact) -> Any:
    return job_inputs.of_job(artifact.job_id)


def test_the_verdict_shows_parent_and_root(second: Artifact) -> None:
    block = verdicts.block(second.facts["verdict"])
    assert "Beside the base model" in block
    assert "studio-nano (base model)" in block
    assert '<span class="who" title="tickets-lora">before</span>' in block
    assert "Beside studio-nano: label accuracy 10 % → 80 %." in lines.measured(second.facts["verdict"], None)


def test_rest_and_command_say_how_it_goes_on(studio: User, finished: tuple[Job, Artifact], client: TestClient) -> None:
    wish = {"base": "tickets-lora", "dataset": "tickets", "objective": "sft", "method": "lora"}
    told = client.post("/api/v1/plans", json=wish).json()
    assert (told["base"], told["root"], told["continuation"]["way"]) == ("tickets-lora", "studio-nano", "same_adapter")
    merged = client.post("/api/v1/jobs", json={**wish, "continue_from": "merged", "name": "more"}).json()
    assert (merged["spec"]["continued"], [step["name"] for step in merged["chain"]]) == ("merged", ["tickets-lora"])
    refused = client.post("/api/v1/plans", json={**wish, "base": "studio-nano", "continue_from": "merged"})
    assert (refused.status_code, refused.json()["error"]["problems"][0]["field"]) == (422, "continue_from")
    plan = training.plan(studio, **wish)
    assert "on tickets-lora (from studio-nano) (none)" in planned(plan)[0]
    assert plan.continuation is not None
    assert plan.continuation.why in planned(plan)
