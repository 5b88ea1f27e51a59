"""Figures about whole datasets: worked out in the background, remembered, and dropped when nobody looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from storage.models import Dataset, User
from storage.planning import dataset_figures, figures, training
from storage.planning.figures import Counting
from storage.rendering import limited
from storage.rendering.limited_process import LimitedProcess

ROWS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]


@pytest.fixture
def in_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every file as a large one."""
    monkeypatch.setattr(dataset_figures, "SMALL_BYTES", 0)


@pytest.fixture
def n_started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    started: list[int] = []
    start = LimitedProcess.__init__

    def counted(process: LimitedProcess) -> None:
        started.append(1)
        start(process)

    monkeypatch.setattr(LimitedProcess, "__init__", counted)
    return started


@pytest.fixture
def tickets(store_dataset: Callable[..., Dataset]) -> Dataset:
    return store_dataset("tickets", "classification", ROWS, 4)


def planned(user: User, **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": "studio-nano", "dataset": "tickets", "objective": "sft", "method": "lora"}
    return training.plan(user, **{**choice, **changes})


def test_large_figures_are_those_of_small_ones(
    studio: User, tickets: Dataset, monkeypatch: pytest.MonkeyPatch, n_started: list[int]
) -> None:
    here = planned(studio)
    assert not n_started
    for path in (figures._folder()).iterdir():
        path.unlink()
    monkeypatch.setattr(dataset_figures, "SMALL_BYTES", 0)
    there = planned(studio)
    assert len(n_started) == 2
    assert (there.lengths, there.estimate.detectable) == (here.lengths, here.estimate.detectable)


@pytest.mark.usefixtures("in_background")
def test_they_are_remembered_by_what_they_depend_on(studio: User, tickets: Dataset, n_started: list[int]) -> None:
    first = planned(studio)
    assert planned(studio, patient=False).lengths == first.lengths
    assert planned(studio, settings={"r": 4, "learning_rate": 0.001}, patient=False).lengths == first.lengths
    assert len(n_started) == 2, "lengths, and what can be seen"
    assert planned(studio, settings={"max_length": 22}).lengths.n_truncated
    assert planned(studio, instruction="Be brief.").lengths.n_tokens > first.lengths.n_tokens
    assert len(n_started) == 4
    for path in figures._folder().iterdir():
        path.write_text("{")
    assert planned(studio).lengths == first.lengths, "a damaged file is written again"


@pytest.mark.usefixtures("in_background")
def test_who_is_in_a_hurry_hears_that_they_are_on_their_way(
    studio: User, tickets: Dataset, monkeypatch: pytest.MonkeyPatch, n_started: list[int]
) -> None:
    monkeypatch.setattr(figures, "SOON_S", 0.0)
    with pytest.raises(Counting, match="still counting tokens"):
        planned(studio, patient=False)
    with ThreadPoolExecutor(3) as pool:
        together = [pool.submit(planned, studio) for _ in range(3)]
        assert len({one.result().lengths.n_tokens for one in together}) == 1
    assert len(n_started) <= 4, "those who wait share the work"
    assert planned(studio, patient=False).lengths.n_rows == 36


@pytest.mark.usefixtures("in_background")
def test_what_nobody_looks_at_any_more_is_dropped(
    studio: User, tickets: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "SOON_S", 0.0)
    monkeypatch.setattr(figures, "LEFT_S", -1.0)
    monkeypatch.setattr(limited, "LimitedProcess", _Slow)
    for length in (32, 33):
        with pytest.raises(Counting):
            planned(studio, settings={"max_length": length}, patient=False)
    until = time.monotonic() + 60
    while len(figures._works) > 1:
        assert time.monotonic() < until
        time.sleep(0.01)
    monkeypatch.setattr(limited, "LimitedProcess", LimitedProcess)
    assert planned(studio, settings={"max_length": 32}).lengths.n_rows == 36


class _Slow(LimitedProcess):
    """Starts only when its work has been dropped."""

    def ask(self, question: Any) -> Any:
        until = time.monotonic() + 5
        while self.alive and time.monotonic() < until:
            time.sleep(0.01)
        return super().ask(question)
