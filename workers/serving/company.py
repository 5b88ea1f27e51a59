"""Tries what rows that are decoded together get, and what each gets alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from workers.serving.answers import Answer
from workers.serving.decoding import Batch, Forward, Row

STEPS = 3


@dataclass(eq=False)
class _Watched(Row):
    """A row that keeps the logits from which its tokens were chosen."""

    seen: list[Tensor] = field(default_factory=list)

    def choose(self, logits: Tensor) -> int:
        """The likeliest token."""
        self.seen.append(logits.clone())
        return super().choose(logits)


def difference(forward: Forward, on: torch.device, prompts: Sequence[tuple[Sequence[int], str]]) -> float:
    """The largest difference in any row's logits between deciding a few tokens together and alone.

    `prompts` are token ids and adapters. Each prompt is read by itself, as the rows of a batch may come one by one.
    """
    alone = [_decoded(forward, on, [one])[0] for one in prompts]
    together = _decoded(forward, on, prompts)
    return max(float((one - other).abs().max()) for one, other in zip(alone, together, strict=True))


def _decoded(forward: Forward, on: torch.device, prompts: Sequence[tuple[Sequence[int], str]]) -> list[Tensor]:
    """Each row's logits, `(steps, vocabulary)`."""
    rows = [_watched(list(ids), adapter) for ids, adapter in prompts]
    batches = [Batch(forward, on) for _ in rows]
    for batch, row in zip(batches, rows, strict=True):
        batch.start([row])
    for other in batches[1:]:
        batches[0].join(other)
    while batches[0].rows:
        batches[0].step()
    return [torch.stack(row.seen) for row in rows]


def _watched(prompt: list[int], adapter: str) -> _Watched:
    return _Watched(
        prompt=prompt,
        adapter=adapter,
        answer=Answer(lambda _ids: ""),
        tell=lambda _event: None,
        eos_ids=frozenset(),
        max_tokens=STEPS,
    )
