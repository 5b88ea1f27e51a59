"""The order of single judgements in a run: good and bad answers alternate in every step, as far as there are both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workers.preferences.token_rows import Judged
from workers.training.batches import BATCHES_SORTED_TOGETHER, Schedule


class Interleaved(Schedule[Judged]):
    """The micro-batches of a run over judged answers.

    The rows of a window are ranked by length among their kind, and taken by rank: so each batch has the window's
    share of both kinds, and rows of similar length.
    """

    def _arranged(self, epoch: int) -> list[list[int]]:
        generator = np.random.default_rng([self._seed, epoch])
        rows = spread(generator.permutation(len(self._examples)).tolist(), self._examples)
        window = self._size * BATCHES_SORTED_TOGETHER
        order = [row for start in range(0, len(rows), window) for row in self._by_rank(rows[start : start + window])]
        batches = [part.tolist() for part in np.array_split(np.array(order), self.per_epoch)]
        arranged = [batches[i] for i in generator.permutation(len(batches))]
        if epoch == 0:  # the largest batch first, so that a lack of memory shows at once
            largest = max(range(len(arranged)), key=lambda i: len(arranged[i]) * max(map(self._length, arranged[i])))
            arranged[0], arranged[largest] = arranged[largest], arranged[0]
        return arranged

    def _by_rank(self, rows: Sequence[int]) -> list[int]:
        return spread(sorted(rows, key=self._length), self._examples)


def spread(rows: Sequence[int], answers: Sequence[Judged]) -> list[int]:
    """The rows with both kinds spread evenly; those of one kind stay in their order."""
    placed = []
    for wanted in (True, False):
        kind = [row for row in rows if answers[row].wanted is wanted]
        placed += [((rank + 0.5) / len(kind), row) for rank, row in enumerate(kind)]
    return [row for _, row in sorted(placed)]
