"""Replayed rows that hold the model near its base: only where rows are replayed, and with their cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storage.models import Dataset, User
from storage.planning import training
from templates.errors import BadInput
from templates.mix import Weights

StoreDataset = Callable[..., Dataset]


@pytest.fixture
def replaying(studio: User, store_dataset: StoreDataset) -> Callable[..., training.Plan]:
    """Plans that learn tickets and replay letters."""
    rows = [{"text": f"where is parcel {n}?", "label": "delivery" if n % 2 else "lost"} for n in range(40)]
    store_dataset("tickets", "classification", rows, 4)
    store_dataset("letters", "text", [{"text": f"Letter {n}: the sea is calm, all is well."} for n in range(50)], 0)

    def planned(replay: Weights, method: str = "lora", **settings: Any) -> training.Plan:
        return training.plan(
            studio, base="studio-nano", dataset="tickets", objective="sft", method=method, replay=replay,
            settings={"max_length": 64, **settings},
        )  # fmt: skip

    return planned


def test_the_base_is_read_once_more_on_replayed_rows(replaying: Callable[..., training.Plan]) -> None:
    plain, near = (replaying({"letters": 0.5}, kl_coef=weight).estimate for weight in (0.0, 1.0))
    longer = near.seconds_by_stage["training"] / plain.seconds_by_stage["training"]
    assert 1.1 < longer < 1.5, "a third of the passes, on most of the tokens"
    assert near.memory_by_part["distance to the base"] > 0
    assert near.memory_bytes == sum(near.memory_by_part.values())
    assert near.seconds_by_stage["evaluating"] == plain.seconds_by_stage["evaluating"]
    less = replaying({"letters": 0.1}, kl_coef=1.0).estimate
    least = replaying({"letters": 0.1}, kl_coef=0.0).estimate
    assert less.seconds_by_stage["training"] / least.seconds_by_stage["training"] < longer


def test_without_replayed_rows_it_is_refused_with_everything_else(replaying: Callable[..., training.Plan]) -> None:
    with pytest.raises(BadInput, match="no rows are replayed") as refused:
        replaying({}, kl_coef=0.5)
    (problem,) = refused.value.problems
    assert problem.field == "kl_coef"
    assert "--keep" in str(problem.remedy)
    assert replaying({"letters": 0.5}, "full", kl_coef=0.0).recipe.method == "full"
    with pytest.raises(BadInput, match="must stay behind the adapter"):
        replaying({"letters": 0.5}, "full", kl_coef=0.5)


def test_a_loss_that_the_method_adds_to_would_be_lost(replaying: Callable[..., training.Plan]) -> None:
    for settings in ({"kl_coef": 0.5}, {"loss_type": "dft"}):
        with pytest.raises(BadInput, match="computes the loss itself") as refused:
            replaying({"letters": 0.5}, "adalora", **settings)
        assert any("set kl_coef to 0 and loss_type to nll" in str(one.remedy) for one in refused.value.problems)
    assert replaying({"letters": 0.5}, "adalora").recipe.method == "adalora"
