"""Training jobs from order to sealed folder, in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conversations import Heard

from storage import files
from workers import train
from workers.protocol import Checkpointed, Done, Order, Planned


def test_a_lora_job_learns_and_stages(make_order: Callable[..., Order]) -> None:
    order, heard = make_order(), Heard()
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert heard.of(Planned) == [Planned(start_step=0, total_steps=8)]
    losses, held_out = heard.losses(), heard.losses("held_out")
    assert losses[8] < losses[1]
    assert held_out[8] < held_out[0]
    assert heard.of(Checkpointed)[-1].step == 8
    files.verify(Path(order.staging), done.manifest_sha256)
