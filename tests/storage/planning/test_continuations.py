"""How a training goes on from a result: advised, asked for, or refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storage import job_inputs
from storage.bases import base_models, deletions
from storage.gallery import artifacts, chains
from storage.jobs import jobs
from storage.models import Artifact, Dataset, User
from storage.planning import training
from templates.errors import BadInput, Conflict, NotFound
from templates.roles import Role
from tests.published import published as as_published

StoreDataset = Callable[..., Dataset]
ROWS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]
LETTERS = [{"text": f"Dear Ann, the parcel {n} has come."} for n in range(30)]


@pytest.fixture(autouse=True)
def data(store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS, 4)
    store_dataset("letters", "text", LETTERS, 4)


def planned(user: User, base: str, **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": base, "dataset": "tickets", "objective": "sft", "method": "lora"}
    return training.plan(user, **{**choice, **changes})


def published(user: User, name: str, base: str = "studio-nano", **changes: Any) -> Artifact:
    """A result as a worker would leave it, without files of its own."""
    plan = planned(user, base, **changes)
    job = training.submit(user, plan, name=name)
    how = plan.continuation
    is_full = plan.recipe.method == "full"
    facts = {
        "recipe": plan.recipe.model_dump(mode="json"),
        "weights_sha256": "ab" * 32,
        "verdict": {},
        "continued": how.way if how else "",
        "own_base": "cd" * 32 if how and how.way == "merged" else "",
    }
    return as_published(job, "full_model" if is_full else "adapter", facts)


CORPUS = {"dataset": "letters", "objective": "continue_pretraining"}


def test_the_same_goal_trains_the_same_adapter_further_with_its_settings(studio: User) -> None:
    published(studio, "tone", settings={"r": 4, "use_rslora": True})
    plan = planned(studio, "tone", settings={"num_train_epochs": 1})
    assert plan.continuation is not None
    assert plan.continuation.way == "same_adapter"
    assert (plan.recipe.method_params["r"], plan.recipe.method_params["use_rslora"]) == (4, True)
    assert "itself is trained further, because goal, method" in plan.continuation.why
    assert (plan.base_row.name, plan.parent and plan.parent.name) == ("studio-nano", "tone")


def test_another_goal_or_another_setting_merges_first(studio: User) -> None:
    published(studio, "reader", **CORPUS)
    plan = planned(studio, "reader")
    assert plan.continuation is not None
    assert plan.continuation.way == "merged"
    goals = "the goal is another one (“Learn the language of these texts” before, “Learn input → output” now)"
    assert goals in plan.continuation.why
    assert "carries the merged base" in plan.continuation.why
    published(studio, "tone")
    wider = planned(studio, "tone", settings={"r": 32})
    assert wider.continuation is not None
    assert (wider.continuation.way, wider.recipe.method_params["r"]) == ("merged", 32)
    assert "Rank is 16 there and can't become 32" in wider.continuation.why


def test_what_is_asked_for_is_done_or_refused(studio: User) -> None:
    published(studio, "reader", **CORPUS)
    further = planned(studio, "reader", continue_from="same_adapter")
    assert further.continuation is not None
    assert further.continuation.way == "same_adapter"
    published(studio, "tone")
    merged = planned(studio, "tone", continue_from="merged")
    assert merged.continuation is not None
    assert merged.continuation.way == "merged"
    for changes, words in (
        ({"settings": {"r": 32}}, "Rank is 16 there"),
        ({"method": "ia3"}, "it was made by LoRA, not by IA3"),
    ):
        with pytest.raises(BadInput, match=words) as refused:
            planned(studio, "tone", continue_from="same_adapter", **changes)
        assert [problem.field for problem in refused.value.problems] == ["continue_from"]
    with pytest.raises(BadInput, match="“studio-nano” is a base model"):
        planned(studio, "studio-nano", continue_from="merged")
    with pytest.raises(BadInput, match="starts from random weights"):
        planned(studio, "tone", method="from_scratch")
    with pytest.raises(NotFound, match="“nothing”"):
        planned(studio, "nothing")


def test_preferences_need_the_parent_behind_the_adapter(studio: User, store_dataset: StoreDataset) -> None:
    pairs = [{"prompt": [{"role": "user", "content": f"{n}?"}], "chosen": "yes", "rejected": "no"} for n in range(20)]
    store_dataset("pairs", "preference", pairs, 4)
    published(studio, "polite", dataset="pairs", objective="dpo")
    again = planned(studio, "polite", dataset="pairs", objective="dpo")
    assert again.continuation is not None
    assert again.continuation.way == "merged"
    assert "must stay behind the adapter" in again.continuation.why


def test_a_full_model_is_the_base_as_it_is(studio: User) -> None:
    published(studio, "whole", method="full")
    plan = planned(studio, "whole")
    assert plan.continuation is not None
    assert plan.continuation.way == "full_model"
    with pytest.raises(BadInput, match="is a full model"):
        planned(studio, "whole", continue_from="same_adapter")


def test_the_instruction_carries_over_to_rows_with_prompts(studio: User) -> None:
    published(studio, "told", instruction="Answer with one word.")
    assert planned(studio, "told").recipe.instruction == "Answer with one word."
    assert planned(studio, "told", instruction="").recipe.instruction == ""
    assert planned(studio, "told", **CORPUS).recipe.instruction == ""


def test_the_estimate_counts_the_merge_the_third_model_and_the_carried_base(studio: User) -> None:
    published(studio, "tone")
    plain, further = planned(studio, "studio-nano").estimate, planned(studio, "tone").estimate
    merged = planned(studio, "tone", continue_from="merged").estimate
    assert further.seconds_by_stage["evaluating"] == pytest.approx(1.5 * plain.seconds_by_stage["evaluating"])
    assert merged.seconds_by_stage["preparing"] > further.seconds_by_stage["preparing"]
    assert merged.disk_bytes > further.disk_bytes == plain.disk_bytes
    assert merged.published_bytes == plain.published_bytes, "a bundled base is shipped in any case"


def test_a_chain_is_told_from_its_root_even_if_a_part_is_deleted(studio: User) -> None:
    reader = published(studio, "reader", **CORPUS)
    tone = published(studio, "tone", base="reader")
    polite = published(studio, "polite", base="tone")
    assert chains.of(polite).before == "tone"
    artifacts.delete(studio, "tone")
    found = chains.of(polite)
    assert found.root.name == "studio-nano"
    told = [(step.name, step.objective, step.data, step.continued, step.deleted) for step in found.steps]
    assert told == [
        ("reader", "continue_pretraining", "letters", "", False),
        ("tone", "sft", "tickets", "merged", True),
        ("polite", "sft", "tickets", "same_adapter", False),
    ]
    assert found.before == "reader"
    assert artifacts.base_of(polite).id == base_models.get(studio, "studio-nano").id
    assert set(chains.of_models([reader, tone])) == {reader.id, tone.id}


def test_a_result_that_a_waiting_job_goes_on_from_stays(studio: User) -> None:
    published(studio, "tone")
    job = training.submit(studio, planned(studio, "tone"), name="further")
    assert job.spec["continued"] == "same_adapter"
    base = job_inputs.of_job(job.id).model(Role.BASE)
    assert isinstance(base, Artifact)
    with pytest.raises(Conflict, match="“further”"):
        artifacts.delete(studio, "tone")
    jobs.cancel(studio, job.id)
    artifacts.delete(studio, "tone")


def test_a_deleted_base_stays_while_a_chain_rests_on_it(studio: User) -> None:
    published(studio, "tone")
    published(studio, "further", base="tone")
    artifacts.delete(studio, "tone")
    assert [row.name for row in deletions._under_results(0.0).values()] == ["studio-nano"]
