"""A killed training goes on with every method as if nothing had happened."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from conversations import Heard

from templates import capabilities, registry
from workers.programs import train
from workers.protocol import Checkpointed, Done, Order, Planned, Report

MakeOrder = Callable[..., Order]
METHODS = [method.key for method in capabilities.methods_for(registry.objective("sft"))]
STEPS = 8


def _killed(order: Order, after: int) -> None:
    def die(heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.run(order, Heard(on_say=die))


def _published(order: Order) -> dict[str, torch.Tensor]:
    (file,) = Path(order.staging).glob("*model.safetensors")
    return safetensors.torch.load_file(file)


@pytest.mark.long
@pytest.mark.parametrize("method", METHODS)
def test_a_killed_training_goes_on_with_every_method(make_order: MakeOrder, method: str) -> None:
    shared = {"method": method, "max_steps": STEPS, "save_steps": 3, "eval_steps": STEPS, "eval_rows": 1}
    whole = Heard()
    train.run(make_order(**shared), whole)
    wanted = _published(make_order(**shared))
    shutil.rmtree(make_order(**shared).checkpoints)
    _killed(make_order(attempt=2, **shared), after=6)
    again, last = Heard(), make_order(attempt=3, **shared)
    assert isinstance(train.run(last, again), Done)
    assert again.of(Planned) == [Planned(start_step=6, total_steps=STEPS)]
    assert again.losses() == pytest.approx({step: whole.losses()[step] for step in (7, 8)}, abs=1e-4)
    found = _published(last)
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(found[name], tensor, atol=1e-4, rtol=1e-3)
