"""What a judgement takes, before it starts."""

from __future__ import annotations

from typing import Any

import pytest

from storage.judging import costs, reward_models, voted
from storage.judging.costs import Cost
from storage.models import User
from templates.errors import BadInput
from tests.storage.conftest import StoreDataset
from tests.storage.judging.rewarding import result
from tests.storage.votes.voting import NANO, SMALL
from tests.storage.votes.voting import voted as vote

ROWS = [{"prompt": f"Where is {i}?", "completion": "Here.", "system": None} for i in range(40)]
PAIR = {"prompt": [{"role": "user", "content": "Is it 0?"}], "chosen": "yes", "rejected": "no", "system": None}


def cost(user: User, **given: Any) -> Cost:
    wish = {"dataset": "tickets", "reward_model": None, "most_prompts": 30, "max_new_tokens": 99}
    return costs.of(user, NANO, SMALL, **{**wish, **given})


def test_prompts_and_votes_are_counted_for_each_judge(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "prompt_completion", ROWS, 20)
    result(studio, "tastes", store_dataset("pairs", "preference", [PAIR] * 4))
    assert "no votes between these two, the result is the judge’s opinion" in cost(studio).sentences[-1]
    for i in range(12):
        vote(studio, f"Is it {i}?", "left")
    vote(studio, "Is it 0?", "left", "again", "yes")
    told = " ".join(cost(studio).sentences)
    assert "Both models answer 20 held-out prompts: 40 answers of at most 99 tokens." in told
    assert "up to 66 requests, in both orders, for 20 prompts and 13 votes of yours." in told
    assert "Your 13 votes correct the judge." in told
    told = " ".join(cost(studio, reward_model="tastes", most_prompts=5).sentences)
    assert "The reward model scores 32 answers" in told
    assert "It learned the prompts of 2 votes of yours, which are left out." in told
    assert "Nothing to judge yet" in costs.of(
        studio, SMALL, result(studio, "tuned", kind="adapter").name, dataset=None, reward_model=None,
        most_prompts=1, max_new_tokens=1,
    ).sentences[-1]  # fmt: skip
    with pytest.raises(BadInput, match="There is no reward model “gone”"):
        cost(studio, reward_model="gone")


def test_votes_that_do_not_count_are_told_from_missing_ones(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "prompt_completion", ROWS, 20)
    learned = [{**PAIR, "prompt": [{"role": "user", "content": f"Is it {i}?"}]} for i in range(12)]
    judge = result(studio, "tastes", store_dataset("pairs", "preference", learned, 0))
    for i in range(12):
        vote(studio, f"Is it {i}?", "left")
    alone = cost(studio, dataset=None).sentences[-1]
    assert alone == "Without a dataset, the judge adds nothing to your votes: you only see how far it agrees."
    told = cost(studio, reward_model="tastes").sentences
    assert "It learned the prompts of 12 votes of yours, which are left out." in told
    assert "With no votes on other prompts between these two" in told[-1]
    assert "vote on at least 10 other prompts first" in told[-1]
    vote(studio, "Was it?", "left")
    assert "With votes on only 1 other prompt between" in cost(studio, reward_model="tastes").sentences[-1]
    assert not any("trained to score higher" in one for one in told)
    gamed = result(studio, "gamed", kind="adapter", by=judge)
    wish = {"dataset": "tickets", "reward_model": "tastes", "most_prompts": 30, "max_new_tokens": 99}
    told = costs.of(studio, NANO, gamed.name, **wish).sentences  # type: ignore[arg-type]
    assert reward_models.REWARDED.format(model="gamed", judge="tastes") in told


def test_couples_are_named_by_their_votes(studio: User) -> None:
    assert voted.couples(studio) == []
    vote(studio, "Is it?", "left")
    vote(studio, "Was it?", "left", models=(SMALL, NANO))
    ((couple, n),) = voted.couples(studio)
    assert (set(couple), n) == ({NANO, SMALL}, 2)
