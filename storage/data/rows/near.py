"""Near-duplicate texts, measured by shared character n-grams, in any script.

MinHash finds candidate pairs, whose grams are then compared in full. A gram has three characters, or two
in scripts that write a word in one or two characters (Chinese, Japanese, Korean). Long texts sooner or
later contain most of these grams, so there a gram has eight or four characters. Grams that many texts
share (a template's words, usual endings) say nothing about one text: a pair must be alike both without
them and with them. Broder 1997, “On the resemblance and containment of documents”; one hash for a
whole signature: Li, Owen and Zhang 2012, “One Permutation Hashing”, its empty bins filled as in Shrivastava
2017, “Optimal Densification for Fast and Accurate Minwise Hashing”.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from storage import progress

N_BINS = 128
"""Bins of a signature; each holds the smallest of the grams that fall into it."""
BAND = 4
THRESHOLD = 0.6
WHOLE_THRESHOLD = 0.75
"""Two texts are near duplicates if they share these parts of their distinctive grams and of all their grams."""
LIKELY = 0.45
"""Signatures of such pairs share less than this once in a thousand times; those pairs are missed."""
MIN_GRAMS = 6
"""A text with fewer grams is too short to compare."""
COMMON_SHARE = 0.10
COMMON_TEXTS = 20
"""A gram in more than this share and this number of the texts is left out."""
COUNTED_TEXTS = 20_000
"""Number of texts used to find common grams, if there are more."""
SHORT_GRAMS, LONG_GRAMS = (3, 2), (8, 4)
"""Characters of a gram, and of a gram in a dense script."""
LONG = 500
"""A text with more characters is long."""
_BATCH_CHARACTERS = 1 << 18
"""Batch size, so that a batch stays in the processor's cache."""
_COUNTER_BITS = 20
FEW_BINS = 24
"""With fewer full bins, the empty ones are filled all at once, else one by one; the result is the same."""
_EMPTY = np.uint32(0xFFFFFFFF)
_BIN_SHIFT = 32 - N_BINS.bit_length() + 1
_DENSE = (0x2E80, 0xD7FF)
"""First and last code point of the scripts in which a gram has two characters."""
_SEPARATOR = 10

Numbers = NDArray[np.uint64]
Places = NDArray[np.intp]


class Sketches:
    """The similarity of texts, normalised and without line breaks."""

    def __init__(self, texts: Sequence[str]):
        self._texts = texts

    @cached_property
    def _common(self) -> NDArray[np.bool_]:
        return _common(self._texts)

    def similar(self, pairs: Sequence[tuple[int, int]]) -> list[bool]:
        """For each pair of positions, whether the texts are near duplicates."""
        near: list[bool] = []
        for batch in _batches([len(self._texts[a]) + len(self._texts[b]) for a, b in pairs]):
            near += self._similar(np.array([pairs[i] for i in batch])).tolist()
        return near

    def _similar(self, pairs: Places) -> NDArray[np.bool_]:
        places, at = np.unique(pairs, return_inverse=True)
        a, b = at.reshape(pairs.shape).T
        found = [*_grams([self._texts[i] for i in places])]
        owners, grams = (np.concatenate(parts) for parts in zip(*found, strict=True))
        telling = ~self._common[_bucket(grams)]
        whole = _shares(owners, grams, a, b, len(places))
        n_telling = np.bincount(owners[telling], minlength=len(places))
        able = n_telling >= MIN_GRAMS
        told = _shares(owners[telling], grams[telling], a, b, len(places))
        near: NDArray[np.bool_] = (told >= THRESHOLD) & (whole >= WHOLE_THRESHOLD) & able[a] & able[b]
        return near

    def pairs(self, groups: Sequence[Hashable]) -> list[tuple[int, int]]:
        """Pairs of near-duplicate texts within a group: enough pairs to connect all similar texts.

        In each bucket of the index, a text is compared with the first text and the one before it, so
        the work grows with the number of texts, not with its square.
        """
        names: dict[Hashable, int] = {}
        numbers = np.array([names.setdefault(group, len(names)) for group in groups], np.uint64)
        able, signatures = self._signatures()
        linked: set[tuple[int, int]] = set()
        for band in range(0, N_BINS, BAND):
            keys = _mixed([numbers[able], *signatures[able, band : band + BAND].astype(np.uint64).T])
            order = np.argsort(keys, kind="stable")
            ordered, places = keys[order], able[order]
            first = np.maximum.accumulate(np.where(np.r_[True, ordered[1:] != ordered[:-1]], np.arange(len(able)), 0))
            again = np.flatnonzero(first != np.arange(len(able)))
            linked.update(zip(places[first[again]].tolist(), places[again].tolist(), strict=True))
            linked.update(zip(places[again - 1].tolist(), places[again].tolist(), strict=True))
        candidates = _likely(signatures, sorted((a, b) for a, b in linked if groups[a] == groups[b]))
        return [pair for pair, near in zip(candidates, self.similar(candidates), strict=True) if near]

    def _signatures(self) -> tuple[Places, NDArray[np.uint32]]:
        """Whether each text has enough grams, and the signature of each text: `(texts, N_BINS)`."""
        n_grams = np.zeros(len(self._texts), np.intp)
        signatures = np.full((len(self._texts), N_BINS), _EMPTY)
        n_seen = 0
        for owners, grams in _grams(self._texts):
            n_seen += int(np.count_nonzero(np.diff(owners, prepend=-1)))
            progress.at(n_seen / len(self._texts))
            telling = ~self._common[_bucket(grams)]
            owners, grams = owners[telling], grams[telling]
            n_grams += np.bincount(owners, minlength=len(n_grams))
            bins = grams >> _BIN_SHIFT
            firsts = np.flatnonzero(np.diff(owners << _BIN_SHIFT | bins, prepend=-1))  # grams are in ascending order
            signatures[owners[firsts], bins[firsts]] = grams[firsts]
        able = np.flatnonzero(n_grams >= MIN_GRAMS)
        _fill(signatures, able)
        return able, signatures


def clusters(n: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Groups of positions below `n` that pairs connect, directly or through others, in ascending order."""
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


def _likely(signatures: NDArray[np.uint32], pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pairs whose signatures are not clearly different."""
    kept = []
    for batch in _batches([N_BINS] * len(pairs)):
        some = [pairs[i] for i in batch]
        a, b = np.array(some).T
        alike = (signatures[a] == signatures[b]).mean(axis=1)
        kept += [pair for pair, share in zip(some, alike, strict=True) if share >= LIKELY]
    return kept


def _shares(owners: Places, grams: Places, a: Places, b: Places, n: int) -> NDArray[np.float64]:
    """For each pair of owners, the share of the grams of either that both have."""
    order = np.argsort(owners, kind="stable")
    grams = grams[order]
    sizes = np.bincount(owners, minlength=n)
    starts = np.cumsum(sizes) - sizes
    keys = np.concatenate([_with_pair(grams, starts[side], sizes[side]) for side in (a, b)])
    keys.sort()
    twice = keys[1:][keys[1:] == keys[:-1]]
    shared = np.bincount(twice >> 32, minlength=len(a))
    shares: NDArray[np.float64] = shared / np.maximum(sizes[a] + sizes[b] - shared, 1)
    return shares


def _with_pair(grams: Places, starts: Places, sizes: Places) -> Places:
    """The grams of each slice, with the slice's number before them."""
    numbers = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(numbers)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keys: Places = numbers << 32 | grams[starts[numbers] + within]
    return keys


def _fill(signatures: NDArray[np.uint32], rows: Places) -> None:
    """Fill each empty bin from another: the first full one in the bin's own order, which is the same for all texts."""
    n_full = (signatures[rows] != _EMPTY).sum(axis=1)
    for those, fill in ((n_full < FEW_BINS, _fill_most), ((n_full >= FEW_BINS) & (n_full < N_BINS), _fill_some)):
        some = rows[those]
        for batch in _batches([N_BINS] * len(some)):
            signatures[some[batch]] = fill(signatures[some[batch]])


def _fill_most(signatures: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Uses the smallest place of a full bin in the order of each empty one."""
    order = _order()
    places = np.argsort(order, axis=1).T.astype(np.uint8)
    texts, bins = np.nonzero(signatures != _EMPTY)
    first = np.minimum.reduceat(places[bins], np.flatnonzero(np.diff(texts, prepend=-1)), axis=0)
    return np.take_along_axis(signatures, order[np.arange(N_BINS), first], axis=1)


def _fill_some(signatures: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Goes through the orders of the empty bins."""
    whole = signatures.copy()
    texts, bins = np.nonzero(signatures == _EMPTY)
    for sources in _order().T:
        looked_in = signatures[texts, sources[bins]]
        found = looked_in != _EMPTY
        whole[texts[found], bins[found]] = looked_in[found]
        texts, bins = texts[~found], bins[~found]
    return whole


@cache
def _order() -> Places:
    """For each bin, all bins: itself first, then the others in random order."""
    lots = np.random.default_rng(0).random((N_BINS, N_BINS))
    np.fill_diagonal(lots, -1)
    return np.argsort(lots, axis=1)


def _batches(sizes: Iterable[int]) -> Iterator[list[int]]:
    """Positions in groups of about one batch of characters."""
    batch: list[int] = []
    held = 0
    for place, size in enumerate(sizes):
        batch.append(place)
        held += size + 1
        if held >= _BATCH_CHARACTERS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _grams(texts: Sequence[str]) -> Iterator[tuple[Places, Places]]:
    """Batches of (position of a text, 32-bit hash of a gram), each gram once per text, ordered by both."""
    for is_long, (n, n_dense) in ((False, SHORT_GRAMS), (True, LONG_GRAMS)):
        places = np.array([i for i, text in enumerate(texts) if (len(text) > LONG) is is_long], np.intp)
        for batch in _batches(len(texts[i]) for i in places):
            joined = "".join(f"{texts[i]}\n" for i in places[batch]) + "\n" * n
            codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
            owners, hashed = _hashed(codes, n, n_dense)
            each = np.sort(owners << np.uint64(32) | hashed)
            each = each[
                np.r_[True, each[1:] != each[:-1]][: len(each)]
            ]  # np.unique, which hashes, takes ten times as long
            whose = places[batch][(each >> np.uint64(32)).astype(np.intp)]
            yield whose, (each & np.uint64(0xFFFFFFFF)).astype(np.intp)


def _hashed(codes: Numbers, n: int, n_dense: int) -> tuple[Numbers, Numbers]:
    """For each gram, the number of its text in the batch and a 32-bit hash."""
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
    """By bucket, whether a gram occurs in too many different texts to be distinctive."""
    different = list(dict.fromkeys(texts))
    different = different[:: -(-len(different) // COUNTED_TEXTS) or 1]
    counts = np.zeros(1 << _COUNTER_BITS, np.int64)
    for _, grams in _grams(different):
        counts += np.bincount(_bucket(grams), minlength=len(counts))
    return counts > max(COMMON_TEXTS, COMMON_SHARE * len(different))


def _bucket(grams: Places) -> Places:
    return grams >> (32 - _COUNTER_BITS)


def _mixed(parts: Sequence[Numbers]) -> Numbers:
    """One well-mixed number for the numbers at the same place in each part (splitmix64's steps)."""
    mixed = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        mixed = (mixed ^ part) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(31)
    return mixed
