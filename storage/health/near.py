"""Near-duplicate texts: MinHash over character n-grams, in any script.

Three characters make a gram, or two where a script writes a word in one or two characters (Chinese,
Japanese, Korean). Long texts sooner or later hold most of such grams; eight or four make one there.
Grams that many texts share (a template's words, usual endings) tell nothing about one text: a pair
must be alike without them, and with them. Broder 1997, “On the resemblance and containment of
documents”.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

N_HASHES = 128
BAND = 4
THRESHOLD = 0.6
WHOLE_THRESHOLD = 0.75
"""Two texts are nearly the same when they share so much of their telling grams, and of all their grams."""
MIN_GRAMS = 6
"""A text with fewer is too short to say."""
COMMON_SHARE = 0.10
COMMON_TEXTS = 20
"""A gram in more than this share of the texts, and in more than so many, is left out."""
SHORT_GRAMS, LONG_GRAMS = (3, 2), (8, 4)
"""Characters of a gram, and those of one in a dense script."""
LONG = 500
"""A text with more characters is long."""
_BATCH_CHARACTERS = 1 << 20
_COUNTER_BITS = 20
_DENSE = (0x2E80, 0xD7FF)
"""First and last code point of the scripts of which two characters are a gram."""
_SEPARATOR = 10

Numbers = NDArray[np.uint64]
Places = NDArray[np.intp]


class Sketches:
    """MinHash signatures of texts that are normalised and hold no line breaks."""

    def __init__(self, texts: Sequence[str]):
        self._texts = texts
        self._signatures = np.full((len(texts), N_HASHES), np.iinfo(np.uint32).max, np.uint32)
        self._able = np.zeros(len(texts), bool)
        common = _common(texts)
        for owners, grams in _grams(texts):
            rare = ~common[_bucket(grams)]
            _sketch(self._signatures, self._able, owners[rare], grams[rare])

    def similar(self, pairs: Sequence[tuple[int, int]]) -> list[bool]:
        """For each pair of positions, whether the texts are nearly the same."""
        if not pairs:
            return []
        a, b = np.array(pairs).T
        near = _alike(self._signatures, a, b, THRESHOLD) & self._able[a] & self._able[b]
        places = np.unique(np.r_[a[near], b[near]])
        whole = np.zeros((len(places), N_HASHES), np.uint32)
        for owners, grams in _grams([self._texts[i] for i in places]):
            _sketch(whole, np.zeros(len(places), bool), owners, grams)
        a, b = np.searchsorted(places, a[near]), np.searchsorted(places, b[near])
        near[near] = _alike(whole, a, b, WHOLE_THRESHOLD)
        return [bool(one) for one in near]

    def pairs(self, groups: Sequence[Hashable]) -> list[tuple[int, int]]:
        """Nearly equal texts of one group, linked in pairs: enough of them to join all that are alike.

        In each bucket of the index a text is compared with the first and with the one before it, so
        the work grows with the number of texts and not with its square.
        """
        names: dict[Hashable, int] = {}
        numbers = np.array([names.setdefault(group, len(names)) for group in groups], np.uint64)
        able = np.flatnonzero(self._able)
        linked: set[tuple[int, int]] = set()
        for band in range(0, N_HASHES, BAND):
            keys = _mixed([numbers[able], *self._signatures[able, band : band + BAND].astype(np.uint64).T])
            order = np.argsort(keys, kind="stable")
            ordered, places = keys[order], able[order]
            first = np.maximum.accumulate(np.where(np.r_[True, ordered[1:] != ordered[:-1]], np.arange(len(able)), 0))
            again = np.flatnonzero(first != np.arange(len(able)))
            linked.update(zip(places[first[again]].tolist(), places[again].tolist(), strict=True))
            linked.update(zip(places[again - 1].tolist(), places[again].tolist(), strict=True))
        candidates = sorted((a, b) for a, b in linked if groups[a] == groups[b])
        return [pair for pair, near in zip(candidates, self.similar(candidates), strict=True) if near]


def clusters(n: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Positions below `n` that pairs join, directly or through others, in ascending order."""
    parents = list(range(n))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parents[high] = low
    joined: dict[int, list[int]] = {}
    for i in sorted({place for pair in pairs for place in pair}):
        joined.setdefault(root(i), []).append(i)
    return list(joined.values())


def _sketch(signatures: NDArray[np.uint32], able: NDArray[np.bool_], owners: Numbers, grams: Numbers) -> None:
    """Write the signatures of the texts `owners`, and which of them have grams enough."""
    if not len(owners):
        return
    starts = np.flatnonzero(np.r_[True, owners[1:] != owners[:-1]])
    at = owners[starts]
    able[at] = np.diff(np.r_[starts, len(owners)]) >= MIN_GRAMS
    random = np.random.default_rng(0)
    factors = random.integers(1, 1 << 63, N_HASHES, np.uint64) | np.uint64(1)
    for i, shift in enumerate(random.integers(0, 1 << 63, N_HASHES, np.uint64)):
        hashed = ((grams * factors[i] + shift) >> np.uint64(32)).astype(np.uint32)
        signatures[at, i] = np.minimum.reduceat(hashed, starts)


def _alike(signatures: NDArray[np.uint32], a: Places, b: Places, threshold: float) -> NDArray[np.bool_]:
    same: NDArray[np.float64] = (signatures[a] == signatures[b]).mean(axis=1)
    return same >= threshold


def _batches(texts: Sequence[str], places: Sequence[int]) -> Iterator[list[int]]:
    """The places in groups whose texts have about a million characters."""
    batch: list[int] = []
    size = 0
    for place in places:
        batch.append(place)
        size += len(texts[place]) + 1
        if size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _grams(texts: Sequence[str]) -> Iterator[tuple[Numbers, Numbers]]:
    """Batches of (position of a text, hash of a gram), each gram once a text, ordered by text."""
    long = [len(text) > LONG for text in texts]
    for is_long, (n, n_dense) in ((False, SHORT_GRAMS), (True, LONG_GRAMS)):
        for batch in _batches(texts, [i for i in range(len(texts)) if long[i] is is_long]):
            joined = "".join(f"{texts[i]}\n" for i in batch) + "\n" * n
            codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
            owners, hashed = _hashed(codes, n, n_dense)
            each = np.sort(owners << np.uint64(32) | hashed)
            each = each[
                np.r_[True, each[1:] != each[:-1]][: len(each)]
            ]  # np.unique, which hashes, takes ten times as long
            yield np.array(batch, np.uint64)[each >> np.uint64(32)], each & np.uint64(0xFFFFFFFF)


def _hashed(codes: Numbers, n: int, n_dense: int) -> tuple[Numbers, Numbers]:
    """For each gram, the number of its text in the batch and a hash of 32 bits."""
    windows = [codes[i : len(codes) - n + 1 + i] for i in range(n)]
    dense = np.ones(len(windows[0]), bool)
    whole = np.ones(len(windows[0]), bool)
    for i, window in enumerate(windows):
        if i < n_dense:
            dense &= (window >= _DENSE[0]) & (window <= _DENSE[1])
        whole &= window != _SEPARATOR
    whole |= dense
    parts = [*windows[:n_dense], *(np.where(dense, np.uint64(0), window) for window in windows[n_dense:])]
    owners = np.cumsum(windows[0] == _SEPARATOR).astype(np.uint64)
    return owners[whole], _mixed([part[whole] for part in parts]) >> np.uint64(32)


def _common(texts: Sequence[str]) -> NDArray[np.bool_]:
    """By bucket, whether a gram is in so many different texts that it tells nothing."""
    different = list(dict.fromkeys(texts))
    counts = np.zeros(1 << _COUNTER_BITS, np.int64)
    for _, grams in _grams(different):
        counts += np.bincount(_bucket(grams), minlength=len(counts))
    return counts > max(COMMON_TEXTS, COMMON_SHARE * len(different))


def _bucket(grams: Numbers) -> NDArray[np.int64]:
    return (grams >> np.uint64(32 - _COUNTER_BITS)).astype(np.int64)


def _mixed(parts: Sequence[Numbers]) -> Numbers:
    """One well-spread number for the numbers at the same place of each part (splitmix64's steps)."""
    mixed = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        mixed = (mixed ^ part) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(31)
    return mixed
