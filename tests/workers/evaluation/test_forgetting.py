"""What a training made the model forget, on a suite of a few items."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage.gallery import suites
from storage.gallery.suites import PHRASINGS, Suite
from storage.rendering.renderer import Renderer
from templates.recipe import compose
from tests.small_suite import small_suite
from workers.evaluation import forgetting, own_prompts, suite
from workers.evaluation.forgetting import Forgotten
from workers.evaluation.generation import Interrupted
from workers.evaluation.suite import SuiteScores
from workers.orders.train import TrainingOrder
from workers.protocol import ModelRef, Noted, Report


class Channel:
    """Remembers what was said; gives up after so many notes."""

    def __init__(self, patience: int = 1000):
        self.said: list[Report] = []
        self._patience = patience

    def send(self, report: Report) -> None:
        self.said.append(report)

    @property
    def abandoned(self) -> bool:
        return len(self.said) >= self._patience


def order(items: int, *, own_prompts: int = 0, measurements: str = "") -> TrainingOrder:
    """What the measure reads of an order."""
    base = ModelRef(name="studio-nano", base_folder="", base_revision="r")
    return TrainingOrder.model_construct(
        name="tuned", base_name="studio-nano", base=base, recipe=compose("sft", "lora"), forgetting_items=items,
        own_prompts=own_prompts, measurements=measurements,
    )  # fmt: skip


@pytest.fixture
def measure(
    tiny: Any, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[TrainingOrder, Channel], Forgotten | None]:
    """The tiny model against itself on the small suite."""
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(3))

    @contextmanager
    def base() -> Iterator[Any]:
        yield tiny

    return lambda order, channel: forgetting.measure(order, Renderer(tiny_model_folder), 256, base, tiny, channel)


def test_base_and_result_answer_the_same_sample(measure: Callable[[TrainingOrder, Channel], Forgotten | None]) -> None:
    channel = Channel()
    found = measure(order(2), channel)
    assert found
    asked = small_suite(3).sample(2, suites.SEED)
    assert (found.n, found.suite, found.sha256, found.remarks) == (6, "general", asked.sha256, ())
    assert set(found.abilities) == {"colours", "passages_value", "passages_source", "tools"}
    assert found.mean.difference.value == 0
    assert found.sentence.startswith("Can't tell whether its general abilities changed: 0 % against 0 % (0 [−")
    noted = [report.data for report in channel.said if isinstance(report, Noted)]
    assert {"model": "studio-nano", "on": "general abilities", "rows": 6, "of": 6, "done": 1.0} in noted
    assert noted[-1] == {"model": "tuned", "on": "general abilities", "rows": 6, "of": 6, "done": 1.0}


def test_the_base_is_asked_once_for_all_jobs(
    tiny: Any, tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(3))
    n_loaded = 0

    @contextmanager
    def base() -> Iterator[Any]:
        nonlocal n_loaded
        n_loaded += 1
        yield tiny

    def measured(items: int, n: int, channel: Channel) -> Forgotten:
        asked = order(items, own_prompts=n, measurements=str(tmp_path / "base"))
        found = forgetting.measure(asked, Renderer(tiny_model_folder), 256, base, tiny, channel)
        assert found
        return found

    first, channel = measured(2, 24, Channel()), Channel()
    assert first.own
    assert (first.own.n, first.own.same.adapted.value, first.own.loss.difference.value) == (24, 1.0, 0.0)
    assert first.own.loss_by_rounding != 0
    assert measured(2, 24, channel) == first
    assert n_loaded == 1
    assert {report.data["model"] for report in channel.said if isinstance(report, Noted)} == {"tuned"}
    assert measured(1, 24, Channel()).own == first.own
    assert n_loaded == 2, "other items"
    assert measured(2, 0, Channel()).own is None
    assert n_loaded == 2
    for file in (tmp_path / "base").iterdir():
        file.write_text("damaged")
    assert measured(2, 24, Channel()) == first
    assert n_loaded == 3


def test_what_was_replayed_is_not_what_forgetting_is_measured_on(
    tiny: Any, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(3))
    renderer = Renderer(tiny_model_folder)
    written = own_prompts.written(tiny, renderer, 24, context_length=256)
    replayed = [renderer.decode(one.prompt_ids) for one in written.asked[:3]]

    @contextmanager
    def base() -> Iterator[Any]:
        yield tiny

    asked = order(2, own_prompts=24)
    found = forgetting.measure(asked, renderer, 256, base, tiny, Channel(), replayed=replayed)
    assert found is not None
    assert found.own is not None
    assert found.own.n <= 21
    assert found.own.dropped["like a replayed one"] == 24 - found.own.n


def test_a_base_that_writes_too_little_is_said(
    tiny: Any, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch, measure: Any
) -> None:
    found = measure(order(2, own_prompts=2), Channel())
    assert found.own is None
    assert found.remarks[-1].startswith("The base wrote only 2 usable prompts in 32 tries")


def test_nothing_is_measured_where_no_items_are_wanted(
    measure: Callable[[TrainingOrder, Channel], Forgotten | None],
) -> None:
    channel = Channel()
    assert measure(order(0), channel) is None
    assert channel.said == []


@pytest.mark.parametrize("patience", [0, 1])
def test_it_ends_when_nobody_wants_the_result(
    measure: Callable[[TrainingOrder, Channel], Forgotten | None], patience: int
) -> None:
    with pytest.raises(Interrupted):
        measure(order(2), Channel(patience))


def scores(asked: Suite, n_right: int, n_too_long: int = 0) -> SuiteScores:
    right = {
        name: {phrasing: np.arange(10) < n_right for phrasing in PHRASINGS}
        for ability in asked.abilities.values()
        for name in ability.parts
    }
    return suite.SuiteScores(asked, right, n_too_long, 0, 0)


def test_a_loss_is_said_and_what_could_not_be_asked_counted() -> None:
    asked = small_suite(10)
    found = forgetting.judge(scores(asked, 9), scores(asked, 1, n_too_long=7))
    assert found.mean.difference.value == pytest.approx(-0.8)
    assert found.sentence.startswith("Lost 80 points [")
    assert found.remarks == ("7 items on general abilities are longer than the context and count as wrong.",)
    assert found.n == 60
    assert Forgotten.model_validate_json(found.model_dump_json()) == found
