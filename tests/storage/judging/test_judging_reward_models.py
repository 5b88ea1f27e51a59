"""A reward model as the judge: what is refused, and what it learned that bears on its judgement."""

from __future__ import annotations

import pytest

from storage import users
from storage.data import datasets
from storage.gallery import artifacts
from storage.jobs import jobs, leases, worker_rows
from storage.judging import judgements, reward_models
from storage.models import User
from storage.settings import settings
from templates import registry
from templates.errors import BadInput
from tests.storage.conftest import StoreDataset
from tests.storage.judging.rewarding import ON_LENGTH, result
from tests.storage.votes.voting import NANO, SMALL, voted
from workers import orders
from workers.orders.judge import JudgeOrder

ROWS = [{"prompt": f"Where is {i}?", "completion": "Here.", "system": None} for i in range(12)]
BOTH = [NANO, SMALL]


def pairs(*prompts: str) -> list[dict[str, object]]:
    return [
        {"prompt": [{"role": "user", "content": one}], "chosen": "yes", "rejected": "no", "system": None}
        for one in (*prompts, "held out 1", "held out 2")
    ]


def ordered() -> JudgeOrder:
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = orders.of(lease, threads=1)
    assert isinstance(order, JudgeOrder)
    return order


def test_the_order_says_what_the_reward_model_learned(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "prompt_completion", ROWS, 4)
    learned = store_dataset("pairs", "preference", pairs("Where is 9?", "Where is 2?", "Is it?"))
    earlier = store_dataset("older", "preference", pairs("Where is 10?"))
    first = result(studio, "first", earlier)
    judge = result(studio, "tastes", learned, on=first)
    tuned = result(studio, "tuned", learned, kind="adapter")
    for made in (judge, tuned):
        (settings().files / made.location).mkdir(parents=True)
    voted(studio, "Is it?", "right", models=(NANO, SMALL))
    voted(studio, "Was it?", "right", models=(NANO, SMALL))
    job = judgements.submit(studio, models=BOTH, dataset="tickets", reward_model="tastes")
    assert registry.job_kind("judge").way(job.spec) == "judged by the reward model tastes"
    assert "max_judgement_tokens" not in job.spec["params"]
    order = ordered()
    assert order.asks.service is None
    assert [vote.turns[0]["content"] for vote in order.votes] == ["Was it?"]
    assert order.rewarding
    assert (order.rewarding.model.name, order.rewarding.n_votes_left_out) == ("tastes", 1)
    told = order.rewarding.background
    assert told.learned == {"where is 9?", "where is 10?"}, "Where is 2? is not held out"
    assert (told.shared, told.deleted, told.on_length) == ((), (), ON_LENGTH)
    same = reward_models.background(judge, [tuned], None, set())
    assert [(one.model, one.dataset) for one in same.shared] == [("tuned", "pairs")]


def test_a_model_that_was_rewarded_by_the_judge_is_named(studio: User, store_dataset: StoreDataset) -> None:
    data = store_dataset("pairs", "preference", pairs("Where is 9?"))
    judge, tuned = result(studio, "tastes", data), result(studio, "tuned", data, kind="adapter")
    gamed = result(studio, "gamed", kind="adapter", by=judge)
    longer = result(studio, "longer", on=gamed, kind="adapter")
    assert reward_models.background(judge, [tuned, gamed, longer], None, set()).rewarded == ("gamed", "longer")
    assert reward_models.background(result(studio, "other"), [gamed], None, set()).rewarded == ()


def test_a_deleted_dataset_keeps_its_name(studio: User, store_dataset: StoreDataset) -> None:
    data = store_dataset("pairs", "preference", pairs("Where is 9?"))
    judge, tuned = result(studio, "tastes", data), result(studio, "tuned", data, kind="adapter")
    datasets.delete(studio, "pairs")
    datasets.file(data).unlink()  # as the sweeper does later
    told = reward_models.background(judge, [tuned], None, set())
    assert (told.deleted, [one.dataset for one in told.shared]) == (("pairs",), ["pairs"])


def test_votes_that_the_reward_model_learned_are_nothing_to_judge(studio: User, store_dataset: StoreDataset) -> None:
    result(studio, "tastes", store_dataset("pairs", "preference", pairs("Is it?")))
    voted(studio, "Is it?", "left")
    with pytest.raises(BadInput, match="“tastes” learned the prompts of all 1 of your votes"):
        judgements.submit(studio, models=BOTH, reward_model="tastes")
    voted(studio, "Was it?", "left")
    assert judgements.submit(studio, models=BOTH, reward_model="tastes").kind == "judge"


def test_every_problem_names_its_field(studio: User, store_dataset: StoreDataset) -> None:
    data = store_dataset("tickets", "prompt_completion", ROWS, 4)
    result(studio, "tuned", data, kind="adapter")
    result(studio, "gone", data)
    artifacts.delete(studio, "gone")
    ann = users.add("ann", "correct horse")
    before = len(jobs.of_user(studio))
    for name, words in (
        ("tuned", "it is no reward model"),
        ("gone", "There is no reward model"),
        (NANO, "no reward model"),
    ):
        with pytest.raises(BadInput, match=words) as refused:
            judgements.submit(studio, models=BOTH, dataset="tickets", reward_model=name)
        assert [one.field for one in refused.value.problems] == ["reward_model"]
    result(studio, "tastes", data)
    with pytest.raises(BadInput) as refused:
        judgements.submit(
            studio,
            models=[NANO, "tastes"],
            dataset="tickets",
            reward_model="tastes",
            endpoint="https://judge.example.com/v1",
            endpoint_model="wise",
            criteria="Be kind.",
            settings={"concurrency": 2, "max_judgement_tokens": 99, "most_prompts": 0},
        )
    fields = {"endpoint", "endpoint_model", "criteria", "concurrency", "max_judgement_tokens", "most_prompts", "models"}
    assert {one.field for one in refused.value.problems} == fields
    with pytest.raises(BadInput, match="There is no reward model “tastes”"):
        judgements.submit(ann, models=BOTH, reward_model="tastes")
    with pytest.raises(BadInput, match="somebody has to judge") as refused:
        judgements.submit(studio, models=BOTH, dataset="tickets")
    assert [one.field for one in refused.value.problems] == ["endpoint"]
    assert len(jobs.of_user(studio)) == before + 1, "only the training of “tastes”"
