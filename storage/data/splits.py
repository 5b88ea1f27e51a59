"""The sides of a dataset: the held-out rows, and the rows to make choices on.

Both are drawn by seed and content, with similar rows on the same side and labels in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from templates.errors import Problem

MAX_SEED = 2**32 - 1
MAX_SHARE = 0.5
MIN_HELD_OUT = 50
MANY_ROWS = 200
"""With at least this many rows, at least `MIN_HELD_OUT` are held out: fewer can hardly show a difference."""
SELECTION_SHARE = 0.10
MOST_SELECTED = 512
"""Maximum selection rows: more would cost training rows and add little information."""
GROUPED_BYTES = 32_000_000
"""In larger files, a split groups only identical rows; finding near duplicates would take minutes."""

Side = Literal["training", "selection", "held_out"]
"""`training` holds every row that isn't held out. `selection` is drawn from it when a job makes a choice."""

Fingerprints = NDArray[np.uint64]
Sides = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """How held-out rows are chosen: drawn by seed and share, or named explicitly."""

    seed: int = 42
    share: float = 0.10
    file: str | None = None
    """If there are several files, the one with the held-out rows."""
    sides: Sequence[bool] | None = None
    """For each row that fits, whether it is held out."""

    def problems(self) -> list[Problem]:
        """The problems with seed and share."""
        problems = []
        if not 0 <= self.seed <= MAX_SEED:
            problems.append(Problem(f"use a whole number from 0 to {MAX_SEED}.", field="split_seed"))
        if not 0 < self.share <= MAX_SHARE:
            problems.append(Problem(f"use a share above 0 and up to {MAX_SHARE}.", field="held_out_share"))
        return problems


DRAWN = Split()


def n_held_out(n_rows: int, share: float) -> int:
    """The number of held-out rows: their share, but at least 50 of 200 or more, and at least one."""
    least = MIN_HELD_OUT if n_rows >= MANY_ROWS else 1
    return min(n_rows - 1, max(least, round(n_rows * share)))


def n_selected(n_training: int) -> int:
    """The number of selection rows: a tenth of the training rows, at most 512; none if that leaves no rows to learn."""
    return max(0, min(n_training - 1, MOST_SELECTED, max(1, round(n_training * SELECTION_SHARE))))


def draw(
    content: Places, share: float, *, labels: Sequence[str] | None = None, alike: Sequence[Sequence[int]] = ()
) -> Sides:
    """For each row, whether it is held out, by the rows' `contents`."""
    return draw_rows(content, n_held_out(len(content), share), labels=labels, alike=alike)


def draw_rows(
    content: Places, wanted: int, *, labels: Sequence[str] | None = None, alike: Sequence[Sequence[int]] = ()
) -> Sides:
    """For each row, whether it is among the `wanted` drawn rows.

    Rows with the same content stay on one side, and so do rows grouped in `alike`; with `labels`, each label
    gets about its share. If most rows are alike, that is impossible, and rows are drawn one by one.
    """
    groups = _groups(content, alike)
    sizes = np.bincount(groups)
    first = np.full(len(sizes), len(groups), np.intp)
    np.minimum.at(first, groups, np.arange(len(groups)))
    kinds = _numbered(labels)[first] if labels is not None else np.zeros(len(sizes), np.intp)
    drawn = np.argsort(content[first]) if alike else np.arange(len(sizes))  # contents are numbered in drawing order
    taken = _of_each_kind(drawn, sizes, kinds, wanted)
    taken |= _fitting(drawn[~taken[drawn]], sizes, wanted - int(sizes[taken].sum()))
    if not taken.any():
        return _one_by_one(content, wanted)
    chosen: Sides = taken[groups]
    return chosen


def contents(fingerprints: Fingerprints, seed: int) -> Places:
    """For each row, the number of its content, shared by equal rows, in the order in which `seed` draws them."""
    lots = _mixed(fingerprints ^ _mixed(np.array([seed], np.uint64)))  # mixing keeps numbers apart
    return np.unique(lots, return_inverse=True)[1]


def _groups(content: Places, alike: Sequence[Sequence[int]]) -> Places:
    """For each row, the number of its group: its content, or all similar contents."""
    if not alike:
        return content
    joined = np.arange(content.max() + 1)

    def root(group: int) -> int:
        while joined[group] != group:
            joined[group] = joined[joined[group]]
            group = int(joined[group])
        return group

    for positions in alike:
        roots = sorted({root(int(content[i])) for i in positions})
        joined[roots] = roots[0]
    return np.unique([root(int(group)) for group in content], return_inverse=True)[1]


def _numbered(labels: Sequence[str]) -> Places:
    return np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)[1]


def _of_each_kind(drawn: Places, sizes: Places, kinds: Places, wanted: int) -> Sides:
    """The first drawn groups of each kind, with no more rows than its share of the wanted ones."""
    quotas = np.floor(np.bincount(kinds, weights=sizes) * wanted / sizes.sum())
    by_kind = np.argsort(kinds[drawn], kind="stable")
    order, kind = drawn[by_kind], kinds[drawn][by_kind]
    ends = np.cumsum(sizes[order])
    before = np.r_[0, ends][np.searchsorted(kind, np.arange(len(quotas)))]
    taken = np.zeros(len(sizes), np.bool_)
    taken[order[ends - before[kind] <= quotas[kind]]] = True
    return taken


def _fitting(drawn: Places, sizes: Places, room: int) -> Sides:
    """Groups in drawing order, each one that still fits."""
    taken = np.zeros(len(sizes), np.bool_)
    for group in drawn if room else ():
        if sizes[group] <= room:
            taken[group] = True
            room -= int(sizes[group])
            if not room:
                break
    return taken


def _one_by_one(content: Places, wanted: int) -> Sides:
    chosen = np.zeros(len(content), np.bool_)
    chosen[np.argsort(content, kind="stable")[:wanted]] = True
    return chosen


def _mixed(numbers: Fingerprints) -> Fingerprints:
    """SplitMix64 (Steele, Lea and Flood 2014): 64 bits, well stirred."""
    z = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Fingerprints = z ^ (z >> np.uint64(31))
    return mixed
