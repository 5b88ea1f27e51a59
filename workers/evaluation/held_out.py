"""The held-out side as a verdict needs it: which rows belong together, how answers are judged, the trivial answer.

All of it comes from the dataset, never from the models' scores, so that no result can choose its own measure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from storage.data.rows import resampled
from storage.data.rows.resampled import Grouping
from storage.runs.bootstrap import Floats
from templates import registry
from templates.shortened import shortened
from templates.spec import RowShape
from templates.turns import said
from workers.evaluation import ranking
from workers.evaluation.similarity import chrf

FREE_CHARS = 24
MANY_DIFFERENT = 0.2
"""Answers are free text if their median length is above the first and a larger share than the second is different."""
MOST_CANDIDATES, MOST_COMPARED = 24, 48
"""Equally frequent answers to choose the trivial one from, and answers that each is compared with."""
SHOWN_CHARS = 40
"""Characters of the trivial answer in a sentence."""


@dataclass(frozen=True)
class Trivial:
    """A rule that reads no prompt, made from the training side."""

    words: str
    """E.g. `always answering “refund”`."""
    answer: str | None = None
    """Its answer to everything."""
    prefers_right: Floats | None = None
    """For pairs: whether it prefers each row's chosen answer, `(n_rows,)`."""
    favours: Floats | None = None
    """For answers judged one by one: how much it favours each, `(n_rows,)`."""


@dataclass(frozen=True)
class HeldOutSide:
    """What a verdict needs to know of the dataset besides the models' scores."""

    grouping: Grouping
    headline: str
    """The metric that decides, if it can be measured: label accuracy, exact match, chrF or the loss."""
    trivial: Trivial | None
    """None if the training side has no answers."""
    pair_rule: Trivial | None
    """The same for pairs of answers; None without pairs."""
    labels: tuple[str, ...]
    """All labels of a classification."""
    n_training: int
    rejected: tuple[str | None, ...] = ()
    """For judged rows, each row's rejected answer: "" for a single good answer, None for a single bad one."""


def of(
    shape_key: str,
    training: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    documents: Sequence[tuple[int, int]] = (),
) -> HeldOutSide:
    """The held-out `rows` of a dataset; `documents` are the first and last row numbers of each document."""
    shape = registry.shape(shape_key)
    learned = [answer for answer in (_answer(shape, row) for row in training) if answer is not None]
    headline = _headline(shape, [*learned, *filter(None, (_answer(shape, row) for row in rows))])
    labels = {row["label"] for row in (*training, *rows)} if "label_accuracy" in shape.metrics else ()
    return HeldOutSide(
        grouping=resampled.grouping(shape, rows, training, documents),
        headline=headline,
        trivial=_most_frequent(learned) if learned else None,
        pair_rule=_pair_rule(shape, training, rows),
        labels=tuple(sorted(labels)),
        n_training=len(training),
        rejected=tuple(_rejected(shape, row) for row in rows) if shape.judged else (),
    )


def _answer(shape: RowShape, row: Mapping[str, Any]) -> str | None:
    """The last assistant turn's text, as far as it is text; None if there is none."""
    if shape.messages is None or not shape.metrics:
        return None
    turns = [turn for turn in shape.messages(row) if turn["role"] == "assistant"]
    return said({**turns[-1], "reasoning_content": None}).strip() if turns else None


def _headline(shape: RowShape, answers: Sequence[str]) -> str:
    if "label_accuracy" in shape.metrics:
        return "label_accuracy"
    if "exact_match" not in shape.metrics or not answers:
        return "loss"
    many = len(set(answers)) > MANY_DIFFERENT * len(answers)
    is_long = median(len(answer) for answer in answers) > FREE_CHARS
    return "chrf" if many and is_long and not _structured(answers) else "exact_match"


def _structured(answers: Sequence[str]) -> bool:
    """Whether most answers are JSON objects or lists, such as calls of tools, which are right or wrong as a whole."""
    return sum(_is_json(answer) for answer in answers) > len(answers) / 2


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _most_frequent(answers: Sequence[str]) -> Trivial:
    """Always the most frequent answer; if none repeats, the one most like the others, which is a fair opponent."""
    counted = Counter(answers)
    most = max(counted.values())
    candidates = sorted(answer for answer, n in counted.items() if n == most)
    answer = candidates[-1]
    if most == 1:
        candidates, others = (_spread(candidates, n) for n in (MOST_CANDIDATES, MOST_COMPARED))
        answer = max(candidates, key=lambda one: float(chrf([one] * len(others), others).mean()))
    return Trivial(f"always answering “{shortened(answer, SHOWN_CHARS)}”", answer)


def _spread(texts: list[str], most: int) -> list[str]:
    return texts[:: max(1, -(-len(texts) // most))]


def _rejected(shape: RowShape, row: Mapping[str, Any]) -> str | None:
    other = shape.rejected(row)
    if other is row:
        return None
    return said(shape.messages(other)[-1]).strip() if other and shape.messages else ""


def _pair_rule(
    shape: RowShape, training: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> Trivial | None:
    """Prefer the longer or the shorter answer, whichever is right more often on the training side."""
    if shape.judged and rows and shape.rejected(rows[0]) in (None, rows[0]):
        return _length_rule(shape, training, rows)
    longer = [by for by in (_longer_by(shape, row) for row in training) if by is not None]
    if not longer:
        return None
    sign = 1 if sum(by > 0 for by in longer) >= sum(by < 0 for by in longer) else -1
    found = [_longer_by(shape, row) for row in rows]
    right = np.array([by is not None and sign * by > 0 for by in found], np.float64)
    return Trivial(f"always preferring the {'longer' if sign > 0 else 'shorter'} answer", prefers_right=right)


def _length_rule(
    shape: RowShape, training: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> Trivial | None:
    """The same for answers judged one by one."""
    good = np.array([shape.rejected(row) is not row for row in training], np.bool_)
    values = ranking.values(_lengths(shape, training), good)
    if not np.isfinite(values).all():
        return None
    sign = 1 if values.mean() >= 0.5 else -1
    return Trivial(
        f"always favouring {'longer' if sign > 0 else 'shorter'} answers", favours=sign * _lengths(shape, rows)
    )


def _lengths(shape: RowShape, rows: Sequence[Mapping[str, Any]]) -> Floats:
    """Characters of each row's answer, `(n_rows,)`."""
    return np.array([len(said(shape.messages(row)[-1])) if shape.messages else 0 for row in rows], np.float64)


def _longer_by(shape: RowShape, row: Mapping[str, Any]) -> int | None:
    """How many characters the chosen answer is longer than the rejected one; None without a pair."""
    other = shape.rejected(row)
    if other is None or other is row or shape.messages is None:
        return None
    chosen, rejected = (said(shape.messages(one)[-1]) for one in (row, other))
    return len(chosen) - len(rejected)
