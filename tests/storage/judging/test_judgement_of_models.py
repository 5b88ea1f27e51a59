"""Judgements are checked before they are queued: models, data, address, and whether there is anything to judge."""

from __future__ import annotations

import pytest

from storage import users
from storage.jobs import jobs, leases, worker_rows
from storage.judging import judgements
from storage.models import User
from storage.votes import questions
from templates import registry
from templates.errors import BadInput, NotAllowed
from tests.conftest import forget_caches
from tests.storage.conftest import StoreDataset
from tests.storage.votes.voting import NANO, SMALL, voted
from workers import orders
from workers.orders.judge import JudgeOrder

ROWS = [{"prompt": f"Where is {i}?", "completion": "Here.", "system": None} for i in range(12)]
JUDGE = {"endpoint": "https://judge.example.com/v1", "endpoint_model": "wise"}


def test_the_order_holds_votes_and_rows_and_no_name(studio: User, store_dataset: StoreDataset) -> None:
    data = store_dataset("tickets", "prompt_completion", ROWS, 4)
    voted(studio, "Is it?", "right", "no", "yes")
    voted(studio, "Was it?", "tie", models=(SMALL, NANO))
    job = judgements.submit(studio, models=[NANO, SMALL], dataset="tickets", criteria=" Be kind. ", **JUDGE)
    assert registry.job_kind("judge").way(job.spec) == "judged by wise at judge.example.com"
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = orders.of(lease, threads=1)
    assert isinstance(order, JudgeOrder)
    assert [ref.name for ref in order.models] == [NANO, SMALL]
    assert [(vote.first, vote.second, vote.score) for vote in order.votes] == [("no", "yes", 1.0), ("no", "yes", 0.5)]
    assert (order.criteria, order.asks.dataset_name, order.asks.dataset_sha256) == ("Be kind.", "tickets", data.sha256)
    assert order.asks.service is not None
    assert order.asks.service.model == "wise"


def test_without_data_the_votes_are_judged_and_without_either_there_is_nothing(studio: User) -> None:
    with pytest.raises(BadInput, match="you have not voted between “studio-nano” and “studio-small”"):
        judgements.submit(studio, models=[NANO, SMALL], **JUDGE)
    voted(studio, "Is it?", "left")
    judgements.submit(studio, models=[NANO, SMALL], **JUDGE)
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = orders.of(lease, threads=1)
    assert isinstance(order, JudgeOrder)
    assert (order.asks.dataset_file, len(order.votes)) == ("", 1)


def test_votes_on_prompts_that_a_model_may_know_are_not_judged(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "prompt_completion", ROWS, 4)
    pair = questions.sides(studio, [NANO, SMALL])
    for side in ("training", "selection"):
        voted(studio, questions.from_dataset(studio, "tickets", side, pair), "left")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="on typed or held-out prompts"):
        judgements.submit(studio, models=[NANO, SMALL], **JUDGE)
    voted(studio, questions.from_dataset(studio, "tickets", "held_out", pair), "left")
    judgements.submit(studio, models=[NANO, SMALL], **JUDGE)
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    order = orders.of(lease, threads=1)
    assert isinstance(order, JudgeOrder)
    assert len(order.votes) == 1


def test_all_problems_at_once(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "prompt_completion", ROWS, 4)
    with pytest.raises(BadInput) as refused:
        judgements.submit(
            studio,
            models=[NANO, "never"],
            dataset="tickets",
            endpoint="nowhere",
            endpoint_model=" ",
            criteria="x" * 5_000,
            settings={"most_prompts": 1, "concurrency": 2},
        )
    fields = {one.field for one in refused.value.problems}
    assert fields >= {"models", "endpoint", "endpoint_model", "criteria", "most_prompts"}
    for models, words in (([NANO], "give two models, not 1"), ([NANO, NANO], "is named twice")):
        with pytest.raises(BadInput, match=words):
            judgements.submit(studio, models=models, dataset="tickets", **JUDGE)
    assert jobs.of_user(studio) == []


def test_an_address_that_nobody_allowed_is_refused(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    voted(studio, "Is it?", "left")
    users.add("ann", "correct horse")
    monkeypatch.setenv("STUDIO_ALLOWED_ENDPOINTS", "https://other.example.com")
    forget_caches()
    with pytest.raises(NotAllowed):
        judgements.submit(studio, models=[NANO, SMALL], **JUDGE)


def test_replies_are_kept_for_each_judge_and_person(studio: User) -> None:
    voted(studio, "Is it?", "left")
    first, same, other, longer = (
        judgements.submit(studio, models=[NANO, SMALL], **{**JUDGE, **given}).spec["endpoint"]["asked"]  # type: ignore[arg-type]
        for given in ({}, {"criteria": "Be kind."}, {"endpoint_model": "b"}, {"settings": {"max_judgement_tokens": 9}})
    )
    assert first == same, "the criteria are part of each question"
    assert len({first, other, longer}) == 3
