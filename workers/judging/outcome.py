"""What a judgement says: the judge's win rate, your votes, both together, and which of them to go by."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storage.data import row_files
from storage.data.rows import resampled
from storage.judging import both_orders, calibrated
from storage.judging.both_orders import Judged
from storage.judging.calibrated import EVEN, Calibrated
from storage.planning.detectable import FEWEST_GROUPS
from storage.runs.bootstrap import Floats, Groups, Interval, n_effective, paired_means, wilson
from storage.votes import pairs as vote_pairs
from templates import registry
from workers.evaluation import equal_length
from workers.judging.answered import Answered, Compared
from workers.orders.judge import JudgeOrder


@dataclass(frozen=True)
class Side:
    """Pairs of answers, what the judge says of each, and which belong together."""

    pairs: Sequence[Compared]
    judged: Sequence[Judged]
    groups: Groups

    @property
    def scores(self) -> Floats:
        """The judge's score of each pair, `(n_pairs,)`."""
        return np.array([one.score for one in self.judged], np.float64)

    def document(self) -> dict[str, Any]:
        """The judge's win rate, its outcomes, whether it favours a place, and the lengths of the answers."""
        lengths = [np.array([len(text) for text in side], np.float64) for side in self._texts()]
        place, even = both_orders.first_place(self.judged), None
        if len(self.pairs) > 1:
            even = equal_length.rate(self.scores, lengths[1] - lengths[0], self.groups)
        length = paired_means(lengths[0], lengths[1], np.ones(len(self.pairs)), groups=self.groups)
        return {
            "n": len(self.pairs),
            "outcomes": both_orders.counts(self.judged),
            "rate": _share(self.scores, self.groups).model_dump(),
            "first_place": place and place.model_dump(),
            "at_equal_length": even and even.model_dump(),
            "length": length.model_dump(),
        }

    def _texts(self) -> tuple[list[str], list[str]]:
        return [pair.first for pair in self.pairs], [pair.second for pair in self.pairs]


def of_rows(order: JudgeOrder, found: Answered, judged: Sequence[Judged]) -> Side:
    """The held-out prompts; nearly equal rows, and rows of one document, belong together."""
    file, shape = Path(order.asks.dataset_file), registry.shape(order.asks.shape)
    rows = [pair.row for pair in found.pairs if pair.row is not None]
    training = row_files.read(file, held_out=False, most=resampled.MOST_OTHERS)
    return Side(found.pairs, judged, resampled.grouping(shape, rows, training, row_files.documents(file)).groups)


def of_votes(pairs: Sequence[Compared], judged: Sequence[Judged]) -> Side:
    """The answers that were voted on; votes on one prompt belong together."""
    prompts = [json.dumps(list(pair.turns), sort_keys=True) for pair in pairs]
    return Side(pairs, judged, np.unique(prompts, return_inverse=True)[1])


def document(order: JudgeOrder, found: Answered | None, rows: Side | None, votes: Side | None) -> dict[str, Any]:
    """The job's result without its words."""
    asks = order.asks
    voted = np.array([vote.score for vote in order.votes], np.float64)
    together = calibrated.of(rows.scores, voted, votes.scores, rows.groups, votes.groups) if rows and votes else None
    by_votes = _of_votes(votes, voted) if votes else None
    headline, best = _headline(rows, together, by_votes)
    dataset = {"name": asks.dataset_name, "sha256": asks.dataset_sha256, "instruction": asks.instruction}
    answered = found and {
        **dataset,
        "n_held_out": found.n_held_out,
        "n_unasked": found.n_unasked,
        "n_cut": list(found.n_cut),
        "n_learned": _n_learned(order, found),
        "opening": order.held_out_openings + 1,
    }
    return {
        "models": [
            {"name": ref.name, "base_revision": ref.base_revision, "weights_sha256": ref.weights_sha256}
            for ref in order.models
        ],
        "judge": _judge(order),
        "dataset": answered,
        "judged": rows and rows.document(),
        "voted": by_votes,
        "calibrated": together and _together(together, by_votes),
        "headline": headline,
        "best": best and best.model_dump(),
        "verdict": _verdict(headline, best),
        **({"opening": order.held_out_openings + 1} if found else {}),
    }


def _judge(order: JudgeOrder) -> dict[str, Any]:
    """Who judged, and what bears on how fairly."""
    rewarding, service = order.rewarding, order.asks.service
    if rewarding:
        told = rewarding.background.model_dump(mode="json", exclude={"learned"})
        known = {"model": rewarding.model.name, "weights_sha256": rewarding.model.weights_sha256}
        return {"kind": "reward_model", **known, "n_votes_left_out": rewarding.n_votes_left_out, **told}
    assert service
    return {
        "kind": "service",
        "model": service.model,
        "host": order.asks.teacher["host"],
        "criteria": order.criteria,
    }


def _n_learned(order: JudgeOrder, found: Answered) -> int:
    """Prompts that the judge learned."""
    learned = order.rewarding.background.learned if order.rewarding else frozenset[str]()
    return sum(vote_pairs.question(pair.turns) in learned for pair in found.pairs)


def _together(found: Calibrated, by_votes: dict[str, Any] | None) -> dict[str, Any]:
    """Judge and votes; the votes alone always have Wilson's interval, as in the tally of votes."""
    alone = by_votes["votes"] if by_votes else None
    return {**found.model_dump(), "votes": alone}


def _of_votes(votes: Side, voted: Floats) -> dict[str, Any]:
    return {
        **votes.document(),
        "votes": _share(voted, votes.groups).model_dump(),
        "agreement": calibrated.agreement(voted, votes.scores, votes.groups).model_dump(),
        "n_prompts": int(votes.groups.max()) + 1,
    }


def _headline(
    rows: Side | None, together: Calibrated | None, by_votes: dict[str, Any] | None
) -> tuple[str, Interval | None]:
    """What to go by: judge and votes together, the votes alone, or no more than the judge's opinion."""
    if together is not None and not together.is_worthless:
        return "calibrated", together.rate
    if by_votes is not None and by_votes["n_prompts"] >= FEWEST_GROUPS:
        return "votes", Interval.model_validate(by_votes["votes"])
    return "opinion", None if rows is None else _share(rows.scores, rows.groups)


def _verdict(headline: str, best: Interval | None) -> str | None:
    """`better`, `worse` or `cant_tell`; None for an opinion, which is no verdict."""
    if headline == "opinion" or best is None:
        return None
    if best.low > EVEN:
        return "better"
    return "worse" if best.high < EVEN else "cant_tell"


def _share(scores: Floats, groups: Groups) -> Interval:
    """The mean of wins (1), halves and losses (0), with Wilson's interval for as many rows as tell as much."""
    n, value = n_effective(scores, groups), float(scores.mean())
    return wilson(value * n, n).model_copy(update={"value": value})
