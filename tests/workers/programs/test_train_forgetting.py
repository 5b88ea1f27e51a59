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


@pytest.mark.parametrize("method", ["lora", pytest.param("full", marks=pytest.mark.long)])
def test_a_verdict_says_what_was_forgotten(
    make_order: MakeOrder, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(2))
    order = make_order(
        method=method, max_steps=1, eval_rows=0, forgetting_items=2, own_prompts=20, measurements=str(tmp_path / "kept")
    )
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert done.result["forgotten"]["n"] == 6
    assert "its general abilities" in done.result["forgotten"]["sentence"]
    own = done.result["forgotten"]["own"]
    assert own["n"] == 20
    assert own["sentence"].startswith("Answers ")
    asked = [(n.data["model"], n.data["on"]) for n in heard.of(Noted) if n.data.get("on")]
    assert list(dict.fromkeys(asked)) == [
        ("tiny", "the base's own prompts"),
        ("tiny", "general abilities"),
        ("painted", "the base's own prompts"),
        ("painted", "general abilities"),
    ]
    shares = [n.data["done"] for n in heard.of(Noted) if n.data.get("on")]
    assert shares == sorted(shares)
    card = (Path(order.staging) / "README.md").read_text("utf-8")
    assert "## What it forgot" in card
    assert f"{own['sentence']} The base wrote these 20 prompts" in card
    assert len(list((tmp_path / "kept").iterdir())) == 2
