"""An attempt at a training that really dies: a process of its own, killed with SIGKILL after a checkpoint."""

from __future__ import annotations

import os
import signal

from conversations import Heard

from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Report


def killed_at(step: int, order: TrainingOrder) -> None:
    """Train until the checkpoint of this step, and no further."""
    pid = os.fork()
    if not pid:

        def die(_heard: Heard, report: Report) -> None:
            if isinstance(report, Checkpointed) and report.step == step:
                os.kill(os.getpid(), signal.SIGKILL)

        train.run(order, Heard(on_say=die))
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
