"""The program of a `self_replay` job: a model writes rows, which become a dataset.

preparing → answering → publishing. It takes a minute or two, so a killed attempt begins again.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch

from storage.models import Stage
from storage.rendering.renderer import Renderer
from workers import models
from workers.answering import own_rows
from workers.evaluation.progress import Channel
from workers.orders.self_replay import SelfReplayOrder
from workers.protocol import Advanced, Done, Entered, Planned


def run(order: SelfReplayOrder, channel: Channel) -> Done:
    """Let the model write. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    channel.send(Entered(stage=Stage.PREPARING))
    model, renderer = models.load(order.model), Renderer(Path(order.model.base_folder))
    started = time.monotonic()
    channel.send(Entered(stage="answering"))
    channel.send(Planned(start_step=0, total_steps=order.params.n_rows))

    def tell(done: int) -> None:
        pace = (time.monotonic() - started) / max(1, done)
        channel.send(Advanced(step=done, eta_s=pace * (order.params.n_rows - done)))

    written = own_rows.written(order, model, renderer, tell, lambda: channel.abandoned)
    channel.send(Entered(stage=Stage.PUBLISHING))
    made, result = own_rows.stage(order, written)
    return Done(result=result, actual={"seconds": {"answering": round(time.monotonic() - started, 3)}}, made=made)
