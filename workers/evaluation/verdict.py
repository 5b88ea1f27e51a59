"""Judges whether the adapted model is better than its base, by how much, and with what certainty.

It compares two `Scores` of the same held-out rows and knows no model. The row shape determines the
deciding metric: label accuracy if there are labels, else exact match if at least one of the two
models gets some answers right, else the loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from pydantic import BaseModel, ConfigDict

from templates import registry
from workers.evaluation.bootstrap import Interval, Pair, mean_interval, paired_means, paired_shares, wilson
from workers.evaluation.forgetting import Forgotten
from workers.evaluation.measures import Measure
from workers.evaluation.scoring import Answer, Scores
from workers.evaluation.sentences import FEWEST_ROWS, Outcome, remarks_on, same_within, say, what_would_help

Change = Literal["better", "worse", "same", "changed"]
"""What happened to an answer. `changed`: other words, but neither or both are right."""
RIGHT_ANSWERS = ("exact_match", "label_accuracy")
"""Metrics that count right answers."""
PREFERENCE = "preference_accuracy"
"""The share of pairs whose chosen answer the model finds likelier than the rejected one."""
INFORMATIVE_SHARE = 0.05
"""Exact match decides only if a model gets at least this share right, which long answers never reach."""


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Majority(_Form):
    """The score of always answering with the most frequent label."""

    label: str
    share: float
    beaten: bool
    """The whole interval of the adapted model's accuracy lies above it."""


class UnknownLabels(_Form):
    """Share of answers that match no label of the dataset."""

    base: float
    adapted: float


class Verdict(_Form):
    """The final evaluation of a job. Losses are in nats per trained token."""

    verdict: Outcome
    sentence: str
    headline: str
    """The metric that decided: a key of `metrics`."""
    metrics: dict[str, Pair]
    """`loss` and `perplexity` always; `exact_match` and `label_accuracy` where the rows have answers."""
    n_rows: int
    """Held-out rows behind the loss."""
    n_answered: int
    """Held-out rows that both models answered."""
    n_tokens: int
    changes: dict[str, int]
    """Answers that got `better` or `worse`, stayed the `same`, or `changed` without a change of score."""
    unknown_labels: UnknownLabels | None = None
    majority: Majority | None = None
    what_would_help: str | None = None
    remarks: tuple[str, ...] = ()
    """Counts of rows that were cut, not scored or not answered, with reasons."""
    measures: dict[str, Measure] = {}
    """The objective's own metrics by key; they don't decide the verdict."""
    opening: int | None = None
    """The number of this opening of the held-out side, counted from 1 when the job started."""
    forgotten: Forgotten | None = None
    """General abilities before and after; None if not measured."""


def judge(
    base: Scores,
    adapted: Scores,
    shape: str,
    labels: Sequence[str] = (),
    *,
    against: str = "the base",
    headline: str | None = None,
) -> Verdict:
    """Compare two models on the same held-out rows.

    `labels` are all of a classification's labels; `against` names the first model in the sentence;
    `headline` is the metric that decides if it could be measured.
    """
    metrics, n_rows, n_tokens = _loss_metrics(base, adapted)
    pairs = answered_by_both(base, adapted)
    if pairs:
        right_base, right_adapted = (np.array([answer.right for answer in side]) for side in zip(*pairs, strict=True))
        for name in registry.shape(shape).metrics:
            if name in RIGHT_ANSWERS:
                metrics[name] = paired_shares(right_base, right_adapted)
    n_compared = _preference(base, adapted, metrics)
    headline = headline if headline in metrics else _headline(metrics)
    pair = metrics.get(headline)
    n = {"loss": n_rows, PREFERENCE: n_compared}.get(headline, len(pairs))
    outcome = _outcome(headline, pair, n)
    has_labels = "label_accuracy" in metrics
    majority = _majority(pairs, metrics["label_accuracy"].adapted) if has_labels else None
    return Verdict(
        verdict=outcome,
        sentence=say(
            outcome, headline, pair, n, (majority.label, majority.share, majority.beaten) if majority else None, against
        ),
        headline=headline,
        metrics=metrics,
        n_rows=n_rows,
        n_answered=len(pairs),
        n_tokens=n_tokens,
        changes=changes(pairs),
        unknown_labels=_unknown_labels(pairs, labels) if has_labels else None,
        majority=majority,
        what_would_help=what_would_help(outcome, headline, metrics, n, len(base.n_tokens)),
        remarks=tuple(remarks_on(base, adapted, asks=registry.shape(shape).messages is not None)),
    )


def _preference(base: Scores, adapted: Scores, metrics: dict[str, Pair]) -> int:
    """Add the share of pairs whose chosen answer is likelier; returns the number of pairs behind it."""
    if base.prefers is None or adapted.prefers is None:
        return 0
    told = np.isfinite(base.prefers) & np.isfinite(adapted.prefers)
    if told.any():
        metrics[PREFERENCE] = paired_shares(base.prefers[told] > 0, adapted.prefers[told] > 0)
    return int(told.sum())


def _loss_metrics(base: Scores, adapted: Scores) -> tuple[dict[str, Pair], int, int]:
    """Loss and perplexity over all scored tokens; empty if the tokenizers differ."""
    if not np.array_equal(base.n_tokens, adapted.n_tokens):
        return {}, 0, 0
    scored = base.n_tokens > 0
    if not scored.any():
        return {}, 0, 0
    tokens = base.n_tokens[scored].astype(np.float64)
    sums = base.nll[scored], adapted.nll[scored]
    metrics = {"loss": paired_means(*sums, tokens), "perplexity": paired_means(*sums, tokens, perplexity)}
    return metrics, int(scored.sum()), int(tokens.sum())


def alone(scores: Scores, shape: str) -> dict[str, Interval]:
    """One model's metrics with their intervals, compared with nothing."""
    found: dict[str, Interval] = {}
    scored = scores.n_tokens > 0
    if scored.any():
        tokens = scores.n_tokens[scored].astype(np.float64)
        found["loss"] = mean_interval(scores.nll[scored], tokens)
        found["perplexity"] = mean_interval(scores.nll[scored], tokens, perplexity)
    if scores.answers:
        right = wilson(sum(answer.right for answer in scores.answers), len(scores.answers))
        found |= {name: right for name in registry.shape(shape).metrics if name in RIGHT_ANSWERS}
    return found


def perplexity(loss: Any) -> Any:
    """e to the mean loss; losses beyond 700 nats are taken as 700, where a float ends."""
    return np.exp(np.minimum(loss, 700.0))


def answered_by_both(base: Scores, adapted: Scores) -> list[tuple[Answer, Answer]]:
    """The two models' answers to the rows that both answered."""
    of_adapted = {answer.index: answer for answer in adapted.answers}
    return [(answer, of_adapted[answer.index]) for answer in base.answers if answer.index in of_adapted]


def change(base: Answer, adapted: Answer) -> Change:
    """How adaptation changed one answer."""
    if base.right != adapted.right:
        return "better" if adapted.right else "worse"
    return "same" if base.given == adapted.given else "changed"


def changes(pairs: Sequence[tuple[Answer, Answer]]) -> dict[str, int]:
    """The number of answers per kind of change; every kind is listed."""
    counted = Counter(change(*pair) for pair in pairs)
    return {way: counted[way] for way in get_args(Change)}


def _headline(metrics: dict[str, Pair]) -> str:
    if "label_accuracy" in metrics:
        return "label_accuracy"
    match = metrics.get("exact_match")
    informative = match and max(match.base.value, match.adapted.value) >= INFORMATIVE_SHARE
    return "exact_match" if informative or (match and "loss" not in metrics) else "loss"


def _outcome(headline: str, pair: Pair | None, n: int) -> Outcome:
    if pair is None or n < FEWEST_ROWS:
        return "cant_tell"
    sign = -1.0 if headline == "loss" else 1.0
    low, high = sorted((sign * pair.difference.low, sign * pair.difference.high))
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "not_better" if max(-low, high) <= same_within(headline, pair) else "cant_tell"


def _majority(pairs: Sequence[tuple[Answer, Answer]], accuracy: Interval) -> Majority:
    counted = Counter(base.expected for base, _ in pairs)
    label, n = max(counted.items(), key=lambda item: (item[1], item[0]))
    return Majority(label=label, share=n / len(pairs), beaten=accuracy.low > n / len(pairs))


def _unknown_labels(pairs: Sequence[tuple[Answer, Answer]], labels: Sequence[str]) -> UnknownLabels:
    known = {label.strip() for label in labels} | {base.expected for base, _ in pairs}
    shares = [sum(answer.given not in known for answer in side) / len(pairs) for side in zip(*pairs, strict=True)]
    return UnknownLabels(base=shares[0], adapted=shares[1])
