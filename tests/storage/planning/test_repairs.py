"""Plans of repairs: which data, how much of it, on which adapter; and what is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from test_continuations import published

from storage import db, job_inputs
from storage.data import datasets
from storage.models import Dataset, User
from storage.planning import repairs, training
from templates import mix
from templates.errors import BadInput
from templates.mix import Mix
from templates.roles import Role

StoreDataset = Callable[..., Dataset]
TICKETS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]
PROMPTS = [{"prompt": [{"role": "user", "content": f"Tell me {n} things."}], "tools": None} for n in range(30)]
PAIRS = [{"prompt": f"Say {n}.", "completion": "No.", "system": None} for n in range(40)]


@pytest.fixture(autouse=True)
def data(store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", TICKETS, 4)
    store_dataset("own", "prompt_completion", PAIRS, 0)


def planned(user: User, base: str = "first", data: str = "own", **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": base, "dataset": data, "objective": "repair", "method": "lora"}
    return training.plan(user, **{**choice, **changes})


def test_the_prompts_are_named_and_the_task_is_what_the_result_learned(studio: User) -> None:
    published(studio, "first", settings={"r": 4})
    plan = planned(studio)
    assert plan.dataset_row.name == "tickets"
    assert [one.name for one in plan.data.replayed] == ["own"]
    assert plan.data.mix == Mix(replayed=(0.5,), prompts_first=True)
    assert plan.continuation
    assert plan.continuation.way == "same_adapter", "another goal, yet the same adapter"
    assert plan.recipe.method_params["r"] == 4
    assert [(one.name, one.per_pass) for one in plan.portions] == [("tickets", 36), ("own", 36)]
    assert "answers 36 of 40 prompts in a pass; 4 are set apart" in " ".join(mix.sentences(plan.portions))
    job = training.submit(studio, plan, name="again")
    inputs = job_inputs.of_job(job.id)
    assert [one.name for one in inputs.all(Role.TRAINING)] == ["tickets"]
    assert [one.name for one in inputs.all(Role.REPLAY)] == ["own"]


def test_both_may_be_named_and_no_row_of_the_task_learned(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("asked", "prompt_only", PROMPTS, 0)
    published(studio, "first")
    plan = planned(studio, data="tickets", replay={"asked": None}, settings={"task_share": 0})
    assert [(one.name, one.per_pass) for one in plan.portions] == [("tickets", 0), ("asked", 27)]
    assert plan.portions[1].n_tokens > 0, "an answer of the model's own is counted for each prompt"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"base": "studio-nano"}, "“studio-nano” is a base model, so there is nothing to repair"),
    ({"data": "tickets"}, "“tickets” is what “first” learned; a repair needs prompts"),
    ({"data": "tickets", "replay": {"own": 0.5}}, "every prompt of a repair comes up once"),
    ({"data": "tickets", "replay": {"letters": None}}, "holds text, which has no prompts to answer"),
    ({"method": "from_scratch"}, "nothing of “first” would be left"),
    ({"settings": {"task_share": 2}}, "task_share"),
]


def test_what_is_refused(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("letters", "text", [{"text": f"Dear Ann, parcel {n} came."} for n in range(20)], 0)
    published(studio, "first")
    for changes, said in REFUSED:
        with pytest.raises(BadInput) as caught:
            planned(studio, **changes)
        assert said in str(caught.value)


def test_a_task_whose_data_is_gone_must_be_named(studio: User) -> None:
    published(studio, "first")
    with db.writing() as session:
        gone = datasets.get(studio, "tickets")
        gone.deleted_at = db.clock(session)
        session.merge(gone)
    with pytest.raises(BadInput, match="--data TASK --replay own"):
        planned(studio)


def test_another_method_is_taught_by_the_base_beside_it(studio: User) -> None:
    published(studio, "first")
    same, merged = planned(studio), planned(studio, method="ia3")
    assert merged.continuation
    assert merged.continuation.way == "merged"
    assert "base model that teaches" not in same.estimate.memory_by_part
    assert merged.estimate.memory_by_part["base model that teaches"] > 0


def test_the_prompts_of_the_base_are_found(studio: User) -> None:
    first = published(studio, "first")
    found, told = repairs.learned(studio, first)
    assert ([one.name for one in found], told) == (["tickets"], Mix())
    assert repairs.prompts_for(studio, planned(studio).base_row) is None


def test_results_that_a_repair_would_change_in_kind_are_refused(studio: User, store_dataset: StoreDataset) -> None:
    chooser = published(studio, "chooser", objective="classification")
    assert "would answer freely" in repairs.obstacle(studio, chooser)
    asked = [[{"role": "user", "content": f"Say {n}."}] for n in range(40)]
    pairs = [{"prompt": turns, "chosen": "Sure! Yes.", "rejected": "No."} for turns in asked]
    store_dataset("pairs", "preference", pairs, 4)
    polite = published(studio, "polite", dataset="pairs", objective="dpo")
    assert "rows of the shape preference" in repairs.obstacle(studio, polite)
    assert repairs.obstacle(studio, published(studio, "first")) == ""
    for name in ("chooser", "polite"):
        with pytest.raises(BadInput, match="can't be repaired"):
            planned(studio, base=name)
