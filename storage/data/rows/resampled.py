"""Which held-out rows are resampled together: nearly equal ones, and those of one document.

Such rows are right or wrong together, so they say less than as many different rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.data.rows.near import clusters
from storage.data.rows.rows import Rows
from storage.data.splits import GROUPED_BYTES
from templates.spec import RowShape

MOST_OTHERS = 2_000
"""Number of training rows used to find the words that most rows share."""
FEWEST_DOCUMENTS = 10
"""With fewer documents, resampling documents could tell nothing, so a verdict holds for these documents only."""
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Grouping:
    """The group of each row, and where the rows come from."""

    groups: Places
    """Each row's group number, `(n_rows,)`, without gaps."""
    n_documents: int = 0
    """Number of documents that the rows come from; 0 if that isn't known."""
    by_document: bool = False
    """Whether rows of one document are in one group."""

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(np.unique(self.groups))


def grouping(
    shape: RowShape,
    rows: Sequence[Mapping[str, Any]],
    others: Sequence[Mapping[str, Any]] = (),
    documents: Sequence[tuple[int, int]] = (),
) -> Grouping:
    """Group `rows` (with `source_row`); `others` are training rows, `documents` their first and last row numbers.

    With very much text, only equal rows are grouped.
    """
    if not rows:
        return Grouping(np.zeros(0, np.intp))
    read = Rows.of(shape, rows)
    if sum(map(len, read.prompts)) <= GROUPED_BYTES:
        every = max(1, len(others) // MOST_OTHERS)
        alike = read.alike(Rows.of(shape, islice(others, 0, None, every)).prompts)
    else:
        alike = read.same()
    joined = list(alike)
    firsts = [first for first, _last in documents]
    of_document = np.searchsorted(firsts, [row.number for row in read.rows], side="right") if firsts else np.zeros(0)
    n_documents = len(np.unique(of_document))
    by_document = n_documents >= FEWEST_DOCUMENTS
    if by_document:
        joined += [np.flatnonzero(of_document == number).tolist() for number in np.unique(of_document)]
    return Grouping(_numbered(len(rows), joined), n_documents, by_document)


def _numbered(n: int, joined: Sequence[Sequence[int]]) -> Places:
    """Each position's group number, given positions that belong together."""
    pairs = [(group[0], position) for group in joined for position in group[1:]]
    numbers = np.arange(n)
    for group in clusters(n, pairs):
        numbers[group] = group[0]
    return np.unique(numbers, return_inverse=True)[1]
