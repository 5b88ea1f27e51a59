"""What a training job says of what the model forgot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conversations import Heard

from storage.gallery import suites
from tests.small_suite import small_suite
from workers.evaluation.generation import Interrupted
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Done, Noted, Report, Stop

MakeOrder = Callable[..., TrainingOrder]


def test_discarding_ends_the_measure_of_what_was_forgotten(make_order: MakeOrder) -> None:
    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Noted) and report.data.get("on"):
            heard.stop = Stop(stop="discard")

    with pytest.raises(Interrupted):
        train.run(make_order(max_steps=1, eval_rows=0, forgetting_items=1), Heard(on_say=ask))


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_verdict_says_what_was_forgotten(
    make_order: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(2))
    order = make_order(method=method, max_steps=1, eval_rows=0, forgetting_items=2)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert done.result["forgotten"]["n"] == 6
    assert "its general abilities" in done.result["forgotten"]["sentence"]
    assert [n.data["model"] for n in heard.of(Noted) if n.data.get("on")] == ["tiny", "painted"]
    assert "## What it forgot" in (Path(order.staging) / "README.md").read_text("utf-8")
