"""Judges answers that are labels with probabilities: what each label achieves, what is confused, what to trust."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from storage.runs.bootstrap import Floats, Groups, Interval, paired_means, renumbered, share
from workers.classification import label_sentences, resampled_scores
from workers.classification.label_verdict import Bin, Calibration, Confusion, LabelScore, LabelVerdict, Sure
from workers.classification.probabilities import UNSEEN, fitted_temperature, log_losses, of_scores, threshold
from workers.classification.resampled_scores import N_BINS


@dataclass(frozen=True)
class Scored:
    """What one model says of some rows."""

    logprobs: Floats
    """`(rows, labels)`, in nats."""
    expected: tuple[str, ...]
    """The label of each row."""


@dataclass(frozen=True)
class Sides:
    """One model on the rows for choices and on the held-out rows."""

    selection: Scored
    held_out: Scored


def judge(
    base: Sides,
    adapted: Sides,
    labels: Sequence[str],
    n_training: Mapping[str, int],
    groups: Groups,
    *,
    wanted: float,
    against: str = "the base",
) -> LabelVerdict:
    """The verdict on the held-out rows, whose `groups`, `(rows,)`, are resampled together.

    `n_training` are the rows learned of each of the `labels`; `wanted` is the accuracy to choose a threshold for.
    """
    told = adapted.held_out.expected
    names = [*labels, *sorted(set(told) - set(labels))]
    place = {name: at for at, name in enumerate(names)}
    expected = np.array([place[label] for label in told], np.intp)
    given, of_base = (side.held_out.logprobs.argmax(axis=1) for side in (adapted, base))
    calibration = _calibration(base, adapted, labels, groups)
    sure = _sure(adapted, labels, given == expected, calibration, renumbered(groups), wanted)
    macro_f1 = resampled_scores.macro_f1(expected, of_base, given, len(names), groups)
    unseen = {name: told.count(name) for name in names[len(labels) :]}
    return LabelVerdict(
        n=len(told),
        n_labels=len(labels),
        macro_f1=macro_f1,
        labels=_by_label(names, expected, given, n_training, groups),
        confusions=_confusions(names, expected, given),
        unseen=unseen,
        calibration=calibration,
        sure=sure,
        sentence=label_sentences.say(macro_f1, sure, against),
        remarks=tuple(label_sentences.remarks(unseen, calibration, sure)),
    )


def chosen(side: Scored, labels: Sequence[str], temperature: float, wanted: float) -> float | None:
    """The threshold for “don't know” on the selection side."""
    shares = of_scores(side.logprobs, temperature)
    right = shares.argmax(axis=1) == places(side.expected, labels)
    return threshold(shares.max(axis=1), right.astype(np.float64), wanted)


def places(expected: Sequence[str], labels: Sequence[str]) -> Groups:
    """The place of each row's label among the labels; `UNSEEN` for others."""
    at = {label: place for place, label in enumerate(labels)}
    return np.array([at.get(label, UNSEEN) for label in expected], np.intp)


def _by_label(
    names: Sequence[str], expected: Groups, given: Groups, n_training: Mapping[str, int], groups: Groups
) -> tuple[LabelScore, ...]:
    found = []
    for at, name in enumerate(names):
        has, got = expected == at, given == at
        found.append(
            LabelScore(
                label=name,
                n=int(has.sum()),
                n_training=n_training.get(name, 0),
                n_given=int(got.sum()),
                n_right=int((has & got).sum()),
                precision=_share(has[got], groups[got]),
                recall=_share(got[has], groups[has]),
            )
        )
    return tuple(found)


def _share(right: np.ndarray[tuple[int], np.dtype[np.bool_]], groups: Groups) -> Interval | None:
    return share(right, renumbered(groups)) if len(right) else None


def _confusions(names: Sequence[str], expected: Groups, given: Groups) -> tuple[Confusion, ...]:
    counted = Counter(zip(expected.tolist(), given.tolist(), strict=True))
    return tuple(Confusion(expected=names[one], given=names[other], n=n) for (one, other), n in counted.most_common())


def _calibration(base: Sides, adapted: Sides, labels: Sequence[str], groups: Groups) -> Calibration | None:
    fitted = [fitted_temperature(s.selection.logprobs, places(s.selection.expected, labels)) for s in (base, adapted)]
    if fitted[0] is None or fitted[1] is None:
        return None
    expected = places(adapted.held_out.expected, labels)
    known = expected != UNSEEN
    if not known.any():
        return None
    pairs = []
    for temperatures in ((1.0, 1.0), (fitted[0], fitted[1])):
        sides = list(zip((base, adapted), temperatures, strict=True))
        losses = [log_losses(one.held_out.logprobs[known], expected[known], at) for one, at in sides]
        loss = paired_means(losses[0], losses[1], np.ones(int(known.sum())), groups=renumbered(groups[known]))
        sure = [_confidence(one.held_out, expected, at) for one, at in sides]
        pairs.append((loss, resampled_scores.calibration_error(sure[0], sure[1], groups), _bins(*sure[1], groups)))
    (loss, error, bins), (loss_fitted, error_fitted, bins_fitted) = pairs
    return Calibration(
        temperature=fitted[1],
        base_temperature=fitted[0],
        log_loss=loss,
        log_loss_fitted=loss_fitted,
        error=error,
        error_fitted=error_fitted,
        bins=bins,
        bins_fitted=bins_fitted,
    )


def _confidence(side: Scored, expected: Groups, temperature: float) -> tuple[Floats, Floats]:
    """The probability of each answer, and whether it is right, both `(rows,)`."""
    shares = of_scores(side.logprobs, temperature)
    return shares.max(axis=1), (shares.argmax(axis=1) == expected).astype(np.float64)


def _bins(confidence: Floats, right: Floats, groups: Groups) -> tuple[Bin, ...]:
    found, at = [], resampled_scores.bins(confidence)
    for number in np.unique(at).tolist():
        those = at == number
        found.append(
            Bin(
                low=number / N_BINS,
                high=(number + 1) / N_BINS,
                n=int(those.sum()),
                confidence=float(confidence[those].mean()),
                right=share(right[those] > 0, renumbered(groups[those])),
            )
        )
    return tuple(found)


def _sure(
    adapted: Sides,
    labels: Sequence[str],
    right: np.ndarray[tuple[int], np.dtype[np.bool_]],
    calibration: Calibration | None,
    groups: Groups,
    wanted: float,
) -> Sure:
    n_selected = len(adapted.selection.expected)
    least = chosen(adapted.selection, labels, calibration.temperature, wanted) if calibration else None
    if calibration is None or least is None:
        return Sure(wanted=wanted, threshold=None, n_selected=n_selected)
    answered = of_scores(adapted.held_out.logprobs, calibration.temperature).max(axis=1) >= least
    return Sure(
        wanted=wanted,
        threshold=least,
        n_selected=n_selected,
        n_answered=int(answered.sum()),
        share=share(answered, groups),
        right=_share(right[answered], groups[answered]),
    )
