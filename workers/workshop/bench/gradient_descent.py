"""Plain gradient descent for objectives that the product lacks: AdamW, warm-up, linear decay."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

import torch

from templates.errors import StudioError

T = TypeVar("T")
WARM_UP = 0.1
"""Share of the updates with a rising learning rate."""
MOST_NORM = 1.0
EVERY_S = 10.0


def batches(rows: Sequence[T], size: int, epochs: int, random: Random, length: Callable[[T], int]) -> list[list[T]]:
    """Batches of rows with similar lengths, in random order, every row once per epoch."""
    made: list[list[T]] = []
    for _ in range(epochs):
        near = sorted(random.sample(rows, len(rows)), key=length)
        grouped = [near[i : i + size] for i in range(0, len(near), size)]
        made += random.sample(grouped, len(grouped))
    return made


def minimize(
    model: Any,
    batches: Sequence[T],
    loss_of: Callable[[T], torch.Tensor],
    *,
    learning_rate: float,
    say: Callable[[str], None],
) -> None:
    """Update the parameters that need gradients once per batch; leaves the model in eval mode.

    Raises `StudioError` if the loss is not finite.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    n, warm = len(batches), max(1, round(WARM_UP * len(batches)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (n - step) / max(1, n - warm), 1.0)
    )
    model.train()
    said = time.monotonic()
    for step, batch in enumerate(batches, start=1):
        loss = loss_of(batch)
        if not math.isfinite(loss.item()):
            raise StudioError(f"The loss became {loss.item()} at step {step} of {n}.", code="loss_not_finite")
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(parameters, MOST_NORM)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if time.monotonic() - said >= EVERY_S:
            said = time.monotonic()
            say(f"step {step} of {n}: loss {loss.item():.3f}")
    model.eval()
