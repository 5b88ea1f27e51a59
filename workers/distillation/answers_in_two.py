"""Answers as two models read them whose tokens differ: each in its own chat template, with where its tokens end.

Two tokenizers divide the same text in different places. Each learned token gets the place where it ends, counted in
characters of the answers alone; where both models have an end, their probabilities can be compared. The token that
ends an answer counts as one more character, whatever each model calls it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, takewhile
from typing import Any

from storage.rendering.examples import Encoded
from storage.rendering.renderer import Renderer
from templates.errors import BadInput
from workers.training.batches import Example, Examples


@dataclass(frozen=True)
class Answer:
    """One answer in a row: its text, and the place of each of its tokens in the row with its end in the answer."""

    text: str
    places: Sequence[int]
    ends: Sequence[int]
    end_id: int | None = None
    """The token that ends it."""

    @property
    def width(self) -> int:
        """Its length in characters, with the end."""
        return len(self.text) + 1


Pair = tuple[Answer, Answer]
"""The same answer as student and teacher read it."""


@dataclass(frozen=True)
class Side:
    """A row as one model reads it; only tokens that can be compared are learned."""

    example: Example
    ends: Sequence[int]
    """Where each learned token ends."""
    end_id: int | None
    """The token that ends its last answer, if it is not cut off."""


@dataclass(frozen=True, slots=True)
class InTwo:
    """A row as student and teacher read it."""

    student: Side
    teacher: Side

    @property
    def ids(self) -> Sequence[int]:
        """The tokens of the longer side, for sorting by length."""
        return max(self.student.example.ids, self.teacher.example.ids, key=len)


@dataclass(frozen=True)
class Reader:
    """How one of the models reads rows."""

    renderer: Renderer
    max_length: int
    """Tokens after which it cuts a row."""

    def answers(self, shape: str, row: Mapping[str, Any]) -> tuple[Encoded, list[Answer]]:
        """The row in its tokens, and the answers in it. Raises `BadInput` if the template refuses it."""
        encoded, trained, _ = self.renderer.encoded(shape, row)
        cut = trained[: self.max_length]
        cut[:1] = [False]  # nothing predicts it
        return encoded, [self._answer(encoded, places) for places in _runs(cut)]

    def _answer(self, encoded: Encoded, places: list[int]) -> Answer:
        has_end = encoded.ids[places[-1]] in self.renderer.eos_ids
        said = places[:-1] if has_end else places
        end_id = encoded.ids[places[-1]] if has_end else None
        if not said:
            return Answer("", places, [1], end_id)
        begin, stop = encoded.offsets[said[0]][0], encoded.offsets[said[-1]][1]
        raw = encoded.text[begin:stop]
        text, before = raw.strip(), len(raw) - len(raw.lstrip())
        ends = [min(max(0, end - begin - before), len(text)) for end in _ends(encoded, said)]
        return Answer(text, places, [*ends, *([len(text) + 1] if has_end else [])], end_id)


def of_rows(
    student: Reader, teacher: Reader, shape: str, rows: Sequence[Mapping[str, Any]]
) -> tuple[Examples[InTwo], list[int]]:
    """The rows as both read them, and the numbers of those whose answers the two templates write differently."""
    made, differing = Examples[InTwo](), list[int]()
    for index, row in enumerate(rows):
        number = int(row["source_row"])
        try:
            (first, ours), (second, theirs) = (one.answers(shape, row) for one in (student, teacher))
        except BadInput:
            made.refused.append(number)
            continue
        if len(first.ids) > student.max_length or len(second.ids) > teacher.max_length:
            made.cut.append(number)
        pairs = _alike(ours, theirs)
        found = _in_two(first, second, pairs, student.max_length, teacher.max_length)
        if found:
            made.kept.append(found)
            made.rows.append(index)
        elif ours and theirs and not pairs:
            differing.append(number)
        else:
            made.refused.append(number)
    return made, differing


def _runs(trained: Sequence[bool]) -> Iterator[list[int]]:
    """The places of learned tokens that stand side by side."""
    for learned, places in groupby(range(len(trained)), key=lambda place: trained[place]):
        if learned:
            yield list(places)


def _ends(encoded: Encoded, places: Sequence[int]) -> list[int]:
    """Where each token ends in the text; one that holds a part of a character ends before that character."""
    spans = [encoded.offsets[place] for place in places]
    next_begins = [*(begin for begin, _ in spans[1:]), spans[-1][1]]
    ends = [min(end, begin) for (_, end), begin in zip(spans, next_begins, strict=True)]
    return list(accumulate(ends, max))


def _alike(ours: Sequence[Answer], theirs: Sequence[Answer]) -> list[Pair]:
    """The answers that both write alike: all, or those at the beginning or at the end if one side has fewer.

    The last may be cut off on one side.
    """
    forward = list(zip(ours, theirs, strict=False))
    first = list(takewhile(_same, forward))
    first += [pair for pair in forward[len(first) : len(first) + 1] if _is_cut(pair)]
    back = list(zip(reversed(ours), reversed(theirs), strict=False))
    last = [pair for pair in back[:1] if _same(pair) or _is_cut(pair)]
    last += takewhile(_same, back[1:]) if last else ()
    return max(first, last[::-1], key=len)


def _same(pair: Pair) -> bool:
    return pair[0].text == pair[1].text


def _is_cut(pair: Pair) -> bool:
    """Whether one of them is the beginning of the other."""
    short, long = sorted((one.text for one in pair), key=len)
    return bool(short) and long.startswith(short)


def _in_two(first: Encoded, second: Encoded, pairs: Sequence[Pair], *max_lengths: int) -> InTwo | None:
    """Both sides with the same learned text; None if no token of the one ends where one of the other does."""
    starts = [0, *accumulate(max(one.width, other.width) for one, other in pairs)]
    sides = [
        [(start + end, place) for start, pair in zip(starts, pairs, strict=False) for end, place in _tokens(pair[side])]
        for side in (0, 1)
    ]
    shared = {end for end, _ in sides[0]} & {end for end, _ in sides[1]}
    last = max(shared, default=0)
    if not last:
        return None
    made = []
    for side, (encoded, tokens, length) in enumerate(zip((first, second), sides, max_lengths, strict=True)):
        kept = [(end, place) for end, place in tokens if end <= last]
        learned = {place for _, place in kept}
        ids = encoded.ids[:length]
        example = Example(ids, [place in learned for place in range(len(ids))])
        made.append(Side(example, [end for end, _ in kept], pairs[-1][side].end_id))
    return InTwo(*made)


def _tokens(answer: Answer) -> Iterator[tuple[int, int]]:
    yield from zip(answer.ends, answer.places, strict=True)
