"""Finds out whether a dataset has only a few different answers, like labels."""

from __future__ import annotations

import pyarrow as pa

from storage.data.rows.comparable import LONGEST_LABEL, MANY_PER_LABEL

MOST = 1_000


class FewAnswers:
    """Collects the different answers of a dataset, batch by batch, while they are few."""

    def __init__(self, field: str):
        """`field` holds the whole answer; "" if no field does."""
        self._field = field
        self.answers: set[str] = set()
        """More than `MOST` are not collected further."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Collect the answers of these rows."""
        if self._field and len(self.answers) <= MOST:
            self.answers |= set(batch.column(self._field).unique().to_pylist())

    def found(self, n_rows: int, *, are_labels: bool) -> set[str]:
        """The answers, if they are few: labels, or short texts that repeat often; else none."""
        if len(self.answers) > MOST:
            return set()
        repeat = len(self.answers) <= n_rows / MANY_PER_LABEL
        short = all(len(answer) <= LONGEST_LABEL for answer in self.answers)
        return self.answers if are_labels or (repeat and short) else set()
