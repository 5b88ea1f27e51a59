"""Judges whether the adapted model is better than its base, by how much, and with what certainty.

It compares two `Scores` of the same held-out rows and knows no model. The dataset determines the deciding
metric (`workers.evaluation.held_out`), unless the objective declares one; only where no answer can be read
does the loss decide. “Better” needs a win over the base and over the trivial answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from storage.runs.bootstrap import (
    Floats,
    Groups,
    Interval,
    Pair,
    mean_interval,
    paired_means,
    paired_shares,
    renumbered,
    share,
)
from templates import registry
from workers.evaluation import answer_pairs, helps, outcome, ranking, remarks, sentences, wins
from workers.evaluation import trivial as trivial_answer
from workers.evaluation.answer_pairs import Answers
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.scoring import Scores
from workers.evaluation.sentences import (
    JUDGED,
    JUDGEMENT,
    PREFERENCE,
    RIGHT_ANSWERS,
    SCORED,
    SIMILARITY,
    Case,
    Opponent,
    Run,
)
from workers.evaluation.similarity import of_answers
from workers.evaluation.verdict_document import Beside, Stopped, TrivialScore, Verdict
from workers.evaluation.wins import Wins
from workers.rewards.checked import Checks


@dataclass(frozen=True)
class _Comparison:
    """Two models on the same held-out rows, measured."""

    base: Scores
    adapted: Scores
    shape: str
    side: HeldOutSide
    pairs: Answers
    told: Any
    """Whether both models could weigh a row's judged answers, `(n_rows,)`."""
    judged: Floats | None
    """Of answers judged one by one, the values behind `JUDGEMENT`, for the rows that are `told`."""
    metrics: dict[str, Pair]
    decides: str
    """The deciding metric."""

    @property
    def behind(self) -> Groups:
        """The indices of the rows behind the deciding metric."""
        if self.decides == "loss":
            return np.flatnonzero(self.base.n_tokens > 0)
        if self.decides in JUDGED:
            return np.flatnonzero(self.told)
        return np.array([of_base.index for of_base, _ in self.pairs], np.intp)


def judge(
    base: Scores,
    adapted: Scores,
    shape: str,
    side: HeldOutSide,
    *,
    against: str = "the base",
    headline: str | None = None,
    run: Run | None = None,
    checks: Checks | None = None,
) -> Verdict:
    """Compare two models on the same held-out rows.

    `against` names the first model in the sentence; `headline` is the metric that decides if it could be
    measured, else the dataset's does; `run` says how far the training went; `checks` are those that answers were
    rewarded for.
    """
    found = _compared(base, adapted, shape, side, headline, checks)
    trivial = trivial_answer.score(
        found.pairs, adapted, found.told, found.decides, found.metrics, side, found.judged, checks
    )
    won = wins.of(found.pairs, side.rejected, side.grouping.groups)
    case = _case(found, trivial, run, won)
    return Verdict(
        verdict=case.outcome,
        claim=sentences.claim(case),
        sentence=sentences.say(case, against),
        headline=found.decides,
        metrics=found.metrics,
        n_rows=int((base.n_tokens > 0).sum()) if "loss" in found.metrics else 0,
        n_answered=len(found.pairs),
        n_tokens=int(base.n_tokens.sum()) if "loss" in found.metrics else 0,
        changes=answer_pairs.changes(found.pairs),
        unknown_labels=answer_pairs.unknown_labels(found.pairs, side.labels)
        if "label_accuracy" in found.metrics
        else None,
        trivial=trivial,
        n_groups=case.n_groups,
        examples=answer_pairs.examples(found.pairs, adapted) if case.outcome == "lower_loss" else (),
        stopped=Stopped(step=run.steps, of=run.planned) if run and run.stopped else None,
        what_would_help=helps.what_would_help(case),
        remarks=tuple(remarks.of(base, adapted, case, side.grouping)),
        wins=won,
    )


def _compared(
    base: Scores,
    adapted: Scores,
    shape: str,
    side: HeldOutSide,
    headline: str | None,
    checks: Checks | None = None,
) -> _Comparison:
    pairs, groups, told = answer_pairs.answered_by_both(base, adapted), side.grouping.groups, _told(base, adapted)
    metrics = _loss_metrics(base, adapted, groups) | _answer_metrics(pairs, shape, groups)
    if checks:
        metrics |= checks.metric(pairs, renumbered(groups[[of_base.index for of_base, _ in pairs]]))
    if base.prefers is not None and adapted.prefers is not None and told.any():
        metrics[PREFERENCE] = paired_shares(
            base.prefers[told] > 0, adapted.prefers[told] > 0, groups=renumbered(groups[told])
        )
    judged = _judged_values(base, adapted, told, groups)
    if judged is not None and adapted.good is not None:
        metrics[JUDGEMENT] = ranking.against_chance(judged, adapted.good[told], renumbered(groups[told]))
    return _Comparison(base, adapted, shape, side, pairs, told, judged, metrics, decides(metrics, headline, side))


def decides(metrics: Collection[str], headline: str | None, side: HeldOutSide) -> str:
    """The deciding one of the measured metrics: the objective's if it has one, else the dataset's, else the loss."""
    wanted = (headline, SCORED, JUDGEMENT, side.headline)
    return next((name for name in wanted if name is not None and name in metrics), "loss")


def beside(
    name: str, root: Scores, adapted: Scores, shape: str, side: HeldOutSide, checks: Checks | None = None
) -> Beside:
    """The base model at the root of a chain beside the result, paired on the same rows."""
    found = _compared(root, adapted, shape, side, None, checks)
    won = wins.of(found.pairs, side.rejected, side.grouping.groups)
    return Beside(name=name, metrics=found.metrics, wins=won)


def paired(one: Scores, other: Scores, shape: str, side: HeldOutSide) -> dict[str, Pair]:
    """Every metric of two models on the same rows, with the first as `base`."""
    return _compared(one, other, shape, side, None).metrics


def _case(found: _Comparison, trivial: TrivialScore | None, run: Run | None, won: Wins | None) -> Case:
    """All that the verdict's words depend on."""
    side, adapted, pair = found.side, found.adapted, found.metrics.get(found.decides)
    opponent = None
    if trivial and trivial.difference and found.decides in trivial.metrics:
        opponent = Opponent(trivial.words, trivial.metrics[found.decides], trivial.difference)
    given = [answer.given for answer in adapted.answers]
    known = {label.strip() for label in side.labels}
    behind = found.behind if pair else np.zeros(0, np.intp)
    n_groups = len(np.unique(side.grouping.groups[behind]))
    share_trivial = _share_of(trivial is not None and text == trivial.answer for text in given)
    n_answerable = len(found.base.n_tokens) - adapted.n_not_asked - adapted.n_too_long - adapted.n_unread
    return Case(
        outcome=outcome.outcome(
            found.decides,
            pair,
            n_groups,
            opponent,
            found.metrics,
            share_trivial,
            won.rate if won and found.decides in JUDGED else None,
        ),
        headline=found.decides,
        pair=pair,
        metrics=found.metrics,
        n=len(behind),
        n_groups=n_groups,
        by_document=side.grouping.by_document,
        n_held_out=len(found.base.n_tokens),
        n_training=side.n_training,
        asks=registry.shape(found.shape).messages is not None,
        trivial=opponent,
        run=run,
        share_trivial=share_trivial,
        share_cut_off=_share_of(not answer.ended for answer in adapted.answers),
        share_unknown=_share_of(text not in known for text in given) if known else 0.0,
        n_answerable=n_answerable if found.decides not in JUDGED else 0,
        wins=won,
    )


def _share_of(found: Iterable[bool]) -> float:
    counted = list(found)
    return sum(counted) / len(counted) if counted else 0.0


def _answer_metrics(pairs: Answers, shape: str, groups: Groups) -> dict[str, Pair]:
    """The metrics of answers that the row shape declares."""
    if not pairs:
        return {}
    declared = registry.shape(shape).metrics
    those = renumbered(groups[[of_base.index for of_base, _ in pairs]])
    right_base, right_adapted = (np.array([answer.right for answer in side]) for side in zip(*pairs, strict=True))
    found = {name: paired_shares(right_base, right_adapted, groups=those) for name in RIGHT_ANSWERS if name in declared}
    if SIMILARITY in declared:
        alike = [of_answers(side) for side in zip(*pairs, strict=True)]
        found[SIMILARITY] = paired_means(alike[0], alike[1], np.ones(len(pairs)), groups=those)
    return found


def _told(base: Scores, adapted: Scores) -> Any:
    """Whether both models could weigh a row's judged answers, `(n_rows,)`."""
    if base.judged_nll is not None and adapted.judged_nll is not None:
        return np.isfinite(base.judged_nll) & np.isfinite(adapted.judged_nll)
    if base.prefers is None or adapted.prefers is None:
        return np.zeros(len(base.n_tokens), np.bool_)
    return np.isfinite(base.prefers) & np.isfinite(adapted.prefers)


def _judged_values(base: Scores, adapted: Scores, told: Any, groups: Groups) -> Floats | None:
    """How well what the training made likelier tells good answers from bad ones; None with too few of a kind."""
    if base.judged_nll is None or adapted.judged_nll is None or adapted.good is None:
        return None
    if not np.array_equal(base.n_tokens, adapted.n_tokens):  # other tokens: the likelihoods can't be compared
        return None
    if ranking.n_of_rarer_kind(adapted.good[told], groups[told]) < ranking.FEWEST_OF_A_KIND:
        return None
    found = ranking.values((base.judged_nll - adapted.judged_nll)[told], adapted.good[told])
    return found if np.isfinite(found).all() else None


def _loss_metrics(base: Scores, adapted: Scores, groups: Groups) -> dict[str, Pair]:
    """Loss and perplexity over all scored tokens; empty if the tokenizers differ."""
    if not np.array_equal(base.n_tokens, adapted.n_tokens):
        return {}
    scored = base.n_tokens > 0
    if not scored.any():
        return {}
    tokens = base.n_tokens[scored].astype(np.float64)
    sums = base.nll[scored], adapted.nll[scored]
    those = renumbered(groups[scored])
    return {
        "loss": paired_means(*sums, tokens, groups=those),
        "perplexity": paired_means(*sums, tokens, perplexity, groups=those),
    }


def alone(scores: Scores, shape: str, side: HeldOutSide) -> dict[str, Interval]:
    """One model's metrics with their intervals, compared with nothing."""
    found: dict[str, Interval] = {}
    groups = side.grouping.groups
    scored = scores.n_tokens > 0
    if scored.any():
        tokens, those = scores.n_tokens[scored].astype(np.float64), renumbered(groups[scored])
        found["loss"] = mean_interval(scores.nll[scored], tokens, groups=those)
        found["perplexity"] = mean_interval(scores.nll[scored], tokens, perplexity, groups=those)
    if scores.answers:
        declared = registry.shape(shape).metrics
        those = renumbered(groups[[answer.index for answer in scores.answers]])
        right = share(np.array([answer.right for answer in scores.answers]), those)
        found |= {name: right for name in RIGHT_ANSWERS if name in declared}
        if SIMILARITY in declared:
            found[SIMILARITY] = mean_interval(of_answers(scores.answers), np.ones(len(scores.answers)), groups=those)
    return found


def perplexity(loss: Any) -> Any:
    """e to the mean loss; losses beyond 700 nats are taken as 700, where a float ends."""
    return np.exp(np.minimum(loss, 700.0))
