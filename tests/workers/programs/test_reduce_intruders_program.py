"""An intruder reduction from the result to the published adapter and its verdict."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard
from parents import Parent

from storage.gallery import suites
from storage.rendering.renderer import Renderer
from templates.jobs.reduce_intruders import ReduceIntrudersParams
from tests.small_suite import small_suite
from workers import models
from workers.evaluation.generation import Interrupted
from workers.orders.reduce_intruders import ReductionOrder
from workers.orders.train import TrainingOrder
from workers.programs import reduce_intruders, train
from workers.protocol import Advanced, Done, ModelRef, Report, Stop

MakeOrder = Callable[..., TrainingOrder]


@pytest.fixture
def make_reduction(make_order: MakeOrder, tmp_path: Path) -> Callable[..., ReductionOrder]:
    """Trains a result, and orders its reduction."""

    def make(**asked: Any) -> ReductionOrder:
        order = make_order(attempt=9, max_steps=6, eval_steps=100, learning_rate=2e-2, eval_rows=0)
        done = train.run(order, Heard())
        assert isinstance(done, Done)
        first = Parent(order, done, tmp_path / "first")
        begun = first.continued(make_order(**asked), "reduced")
        fields = {name: getattr(begun, name) for name in type(begun).model_fields}
        params = ReduceIntrudersParams(threshold_epsilon=0.9, mitigation_lambda=0.0)
        return ReductionOrder(**{**fields, "kind": "reduce_intruders", "params": params})

    return make


def test_a_reduced_adapter_is_judged_and_published(
    make_reduction: Any, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(2))
    order = make_reduction(forgetting_items=2)
    done = reduce_intruders.run(order, heard)
    found, staging = done.result, Path(order.staging)
    assert found["parent"] == "first"
    assert found["root"]["name"] == found["forgotten"]["root"]["name"] == "tiny"
    assert "against “first”" in found["came_back"]
    assert any("adapted layers reduced; nothing was trained" in one for one in found["remarks"])
    assert done.opened_held_out
    assert done.made
    assert done.made.what == "artifact"
    assert done.made.facts["continued"] == "reduced"
    config = json.loads((staging / "adapter_config.json").read_bytes())
    assert config["peft_type"] == "LORA"
    card = (staging / "README.md").read_text("utf-8")
    assert "with its intruder dimensions reduced" in card
    assert heard.of(Advanced)[-1].step == len(heard.of(Advanced))
    assert _logits(order, str(staging)).isfinite().all()
    assert not torch.allclose(_logits(order, str(staging)), _logits(order, order.continued.parent.adapter_folder))


def _logits(order: ReductionOrder, adapter: str) -> torch.Tensor:
    ref = ModelRef(name="x", base_folder=order.base.base_folder, base_revision="1", adapter_folder=adapter)
    ids = Renderer(Path(order.base.base_folder)).prompt([{"role": "user", "content": "Which colour?"}])
    with torch.no_grad():
        found: torch.Tensor = models.load(ref)(input_ids=torch.tensor([ids])).logits
    return found


@pytest.mark.long
def test_a_discarded_reduction_ends_at_once(make_reduction: Any) -> None:
    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Advanced):
            heard.stop = Stop(stop="discard")

    heard = Heard(on_say=ask)
    with pytest.raises(Interrupted):
        reduce_intruders.run(make_reduction(), heard)
    assert len(heard.of(Advanced)) == 1
