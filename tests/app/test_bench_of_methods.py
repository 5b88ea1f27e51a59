"""`studio bench methods`: what it asks of the worker, and how it tells the outcome."""

from __future__ import annotations

import io
from typing import Any

import pytest

from app.bench import methods
from storage.bases import base_models
from storage.data import datasets, uploads
from storage.models import User
from templates.errors import BadInput

INTERVAL = {"value": 0.5, "low": 0.4, "high": 0.6}
PAIR = {"base": INTERVAL, "adapted": INTERVAL, "difference": INTERVAL}


@pytest.fixture
def tickets(studio: User) -> User:
    base_models.sync_bundled()
    rows = "text,label\n" + "".join(f"where is parcel number {i}?,{('lost', 'late')[i % 2]}\n" for i in range(40))
    datasets.add(studio, uploads.save(studio, "t.csv", io.BytesIO(rows.encode())), name="parcels")
    return studio


def test_every_method_but_those_for_experts_is_asked_for(tickets: User, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def run(contest: dict[str, Any]) -> list[dict[str, Any]]:
        asked.append(contest)
        outcome = {"learning_rate": 0.01, "seconds": 3.0, "n_trained": 1000, "headline": "label_accuracy"}
        judged = {**outcome, "score": PAIR, "loss": PAIR, "general": PAIR}
        return [{"method": "lora", **judged}, {"method": "vera", "failed": "no"}]

    monkeypatch.setattr(methods, "_run", run)
    found = methods.measure(tickets, "studio-nano", "parcels", (), methods.N_ROWS)
    keys = {recipe["method"] for recipe in asked[0]["recipes"]}
    assert {"lora", "full", "bottleneck", "prompt_tuning", "adalora"} <= keys
    assert "boft" not in keys
    said = methods.sentences(found)
    assert any(line.startswith("lora") and "50 % [40, 60]" in line for line in said)
    assert "vera failed: no" in said


def test_a_method_that_does_not_fit_is_refused_when_it_was_asked_for(tickets: User) -> None:
    with pytest.raises(BadInput, match="not known"):
        methods.measure(tickets, "studio-nano", "parcels", ["lorra"], methods.N_ROWS)
