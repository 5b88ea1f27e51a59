"""The child as a real process."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conversations import Child, Heard

from storage import files
from workers.protocol import Checkpointed, Done, Entered, Measured, Order, Planned, Ready, Stop, Stopped


def test_a_warm_child_trains_the_bundled_base(
    child: Child, make_order: Callable[..., Order], nano_folder: Path
) -> None:
    child.hear_until(Ready)
    order = make_order(base=nano_folder, learning_rate=2e-3, max_steps=6)
    sent = time.monotonic()
    child.send(order)
    done = child.hear_until(Done)
    print([(round(at-sent,2), r.type) for at, r in child.said if r.type != "measured" or r.split=="train"])
    assert child.process.wait(5) == 0
    said = [report for _, report in child.said]
    stages = [report.stage.value for report in said if isinstance(report, Entered)]
    assert stages == ["preparing", "training", "evaluating", "publishing"]
    assert [r.step for r in said if isinstance(r, Measured) and r.split == "train"] == list(range(1, 7))
    assert any(isinstance(r, Planned) for r in said)
    assert any(isinstance(r, Checkpointed) for r in said)
    files.verify(Path(order.staging), done.manifest_sha256)
    assert "step 6 of 6" in Path(order.log_file).read_text()
