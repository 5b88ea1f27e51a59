"""Probabilities of labels: from scores at a temperature, and the choices that are made on the selection side."""

from __future__ import annotations

import numpy as np

from storage.runs.bootstrap import Floats, Groups

COLDEST, WARMEST = 0.05, 20.0
STEPS = 60
"""Of the golden-section search: far below any difference that shows."""
GOLDEN = (5**0.5 - 1) / 2
FEWEST_SURE = 10
"""A threshold that leaves fewer answers on the selection side rests on chance."""
UNSEEN = -1
"""The place of a label that no training row has."""


def of_scores(logprobs: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities `(rows, labels)`: a softmax over the labels of their log probabilities by the temperature."""
    scaled = logprobs / temperature
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Floats = shares / shares.sum(axis=1, keepdims=True)
    return found


def log_losses(logprobs: Floats, expected: Groups, temperature: float = 1.0) -> Floats:
    """The negative log probability of each row's label, `(rows,)`; NaN for a label that training never saw."""
    scaled = logprobs / temperature
    top = scaled.max(axis=1)
    total = top + np.log(np.exp(scaled - top[:, None]).sum(axis=1))
    found: Floats = np.where(expected == UNSEEN, np.nan, total - scaled[np.arange(len(scaled)), expected])
    return found


def fitted_temperature(logprobs: Floats, expected: Groups) -> float | None:
    """The temperature with the lowest log loss (Guo et al. 2017); None without a row that has a known label.

    One row is added whose answer is wrong, as in Laplace's rule: if all rows are right, the model must not become
    infinitely sure.
    """
    known = expected != UNSEEN
    if not known.any():
        return None
    logprobs, expected = _with_one_wrong(logprobs[known], expected[known])

    def loss(log_temperature: float) -> float:
        return float(log_losses(logprobs, expected, float(np.exp(log_temperature))).mean())

    low, high = float(np.log(COLDEST)), float(np.log(WARMEST))
    for _ in range(STEPS):  # the loss has one minimum in the inverse temperature
        width = GOLDEN * (high - low)
        if loss(high - width) <= loss(low + width):
            high = low + width
        else:
            low = high - width
    return float(np.exp((low + high) / 2))


def _with_one_wrong(logprobs: Floats, expected: Groups) -> tuple[Floats, Groups]:
    """The rows and, once more, the one of median sureness, with its second label as the right one."""
    if logprobs.shape[1] < 2:
        return logprobs, expected
    second, first = np.argsort(logprobs, axis=1)[:, -2:].T
    rows = np.arange(len(logprobs))
    ahead = logprobs[rows, first] - logprobs[rows, second]
    median = int(np.argsort(ahead, kind="stable")[len(rows) // 2])
    return np.vstack([logprobs, logprobs[median]]), np.append(expected, second[median])


def threshold(confidence: Floats, right: Floats, wanted: float) -> float | None:
    """The lowest probability from which on at least the `wanted` share of the answers is right; None if there is none.

    0: all answers together are right often enough.
    """
    order = np.argsort(-confidence, kind="stable")
    sure, hits = confidence[order], np.cumsum(right[order])
    n_answered = np.arange(1, len(sure) + 1)
    parts = np.append(sure[:-1] > sure[1:], True) if len(sure) else np.zeros(0, np.bool_)
    able = np.flatnonzero(parts & (n_answered >= FEWEST_SURE) & (hits >= wanted * n_answered))
    if not len(able):
        return None
    last = int(able[-1])
    return 0.0 if last == len(sure) - 1 else float((sure[last] + sure[last + 1]) / 2)
