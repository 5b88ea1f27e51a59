"""Plans of trainings that choose among labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storage.data import datasets, row_files
from storage.models import Dataset, User
from storage.planning import training
from templates import registry
from templates.errors import BadInput

StoreDataset = Callable[..., Dataset]


def rows(n: int, n_labels: int) -> list[dict[str, Any]]:
    return [{"text": f"where is parcel {i}?", "label": f" label {i % n_labels}"} for i in range(n)]


def planned(user: User, objective: str = "classification") -> training.Plan:
    return training.plan(user, base="studio-nano", dataset="tickets", objective=objective, method="lora")


def test_rows_for_temperature_and_threshold_are_not_learned(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", rows(40, 2), 4)
    assert planned(studio, "sft").lengths.n_rows == 36
    assert planned(studio).lengths.n_rows == 32


def test_one_training_row_is_too_few(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", rows(3, 2), 2)
    with pytest.raises(BadInput, match="none can be set aside, which classification needs"):
        planned(studio)


def test_more_labels_than_can_be_scored_are_refused(studio: User, store_dataset: StoreDataset) -> None:
    dataset = store_dataset("tickets", "classification", rows(1_040, 1_020), 10)
    shape = registry.shape("classification")
    labels = row_files.labels(datasets.file(dataset), shape)
    assert len(labels) > 1_000
    assert labels[0] == labels[0].strip()
    with pytest.raises(BadInput, match=f"{len(labels):,} different labels.*at most 1,000") as refused:
        planned(studio)
    assert "Choose sft" in str(refused.value)
    assert row_files.labels(datasets.file(dataset), registry.shape("messages")) == []


def test_free_answers_are_offered_first() -> None:
    able = [objective.key for objective in registry.objectives_for("classification")]
    assert able[:2] == ["sft", "classification"]
