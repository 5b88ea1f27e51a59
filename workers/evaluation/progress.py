"""Reports a model's scoring progress to the job's page, at most every other second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Protocol

from workers.protocol import Noted, Report

EVERY_S = 2.0


class Channel(Protocol):
    """The child's end of the channel to its worker."""

    def send(self, report: Report) -> None:
        """Send the worker a message."""

    @property
    def abandoned(self) -> bool:
        """Whether the worker no longer wants a result of this attempt."""


Part = tuple[float, float]
"""The share of the whole evaluation at a scoring's beginning and at its end."""
WHOLE: Part = (0.0, 1.0)


def parts(sizes: Sequence[float]) -> list[Part]:
    """The parts of scorings that follow each other, by their sizes."""
    ends = list(accumulate(sizes, initial=0.0))
    return [(start / ends[-1], end / ends[-1]) for start, end in pairwise(ends)]


def parts_of(part: Part, sizes: Sequence[float]) -> list[Part]:
    """The parts of scorings that together take this part."""
    width = part[1] - part[0]
    return [(part[0] + start * width, part[0] + end * width) for start, end in parts(sizes)]


def of_training(n_rows: Sequence[int], eval_rows: int, n_items: int, n_models: int = 2, n_asked: int = 2) -> list[Part]:
    """Each of `n_models` on each dataset's held-out rows (losses, answers), then `n_asked` on general abilities."""
    n_scored = sum(n + min(n, eval_rows) for n in n_rows)
    return parts([*[n_scored] * n_models, *[n_items] * n_asked])


def noting(channel: Channel, model: str, on: str | None = None, *, part: Part = WHOLE) -> Callable[[int, int], None]:
    """A `progress(n, of)` callback that notes `evaluated` with the model's name, its rows and the share of all.

    `on` names the scored data, if it is not the job's own; `part` is this scoring's place in the evaluation.
    """
    what = {"model": model} if on is None else {"model": model, "on": on}
    last = float("-inf")

    def progress(n: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if n == of or now - last >= EVERY_S:
            last = now
            done = part[0] + (part[1] - part[0]) * (n / of if of else 1.0)
            channel.send(Noted(kind="evaluated", data={**what, "rows": n, "of": of, "done": done}))

    return progress
