"""A reward model scores each answer by itself; the higher score wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from storage.judging.both_orders import Judged
from templates.errors import BadInput, StudioError
from workers.evaluation.progress import Channel
from workers.judging.answered import Compared
from workers.orders.judge import RewardJudge
from workers.preferences import reward_model
from workers.preferences.reward_model import RewardModel
from workers.stages import Watch

AT_ONCE = 64
"""Answers scored between two reports."""


class Scorer:
    """A reward model as the judge."""

    def __init__(self, judge: RewardJudge) -> None:
        self._ref = judge.model

    def judged(self, pairs: Sequence[Compared], channel: Channel) -> list[Judged]:
        """What its scores say of each pair; nothing where it can't read one of the answers.

        Raises `Interrupted` once the job must stop, `StudioError` if it can't score any pair.
        """
        different = [pair for pair in pairs if not pair.is_same]
        judge = RewardModel.load(self._ref)
        ids: dict[int, list[Sequence[int]]] = {}
        refused = ""
        for place, pair in enumerate(different):
            try:
                ids[place] = [judge.ids(_answered(pair, text)) for text in (pair.first, pair.second)]
            except BadInput as error:
                refused = refused or str(error)
        if different and not ids:
            raise StudioError(
                f"“{self._ref.name}” can't score any of the {len(different):,} pairs. The first: {refused}",
                code="no_scores",
                remedy="Allow shorter answers (max_new_tokens), or choose another reward model.",
            )
        scores = self._scores(judge, [one for both in ids.values() for one in both], channel)
        told = {place: (scores[2 * n], scores[2 * n + 1]) for n, place in enumerate(ids)}
        found = iter([_compared(told.get(place), judge.dtype) for place in range(len(different))])
        return [_SAME if pair.is_same else next(found) for pair in pairs]

    def result(self) -> dict[str, Any]:
        """What the job's result says of it besides who it is: nothing, as it costs nothing."""
        return {}

    def remarks(self) -> list[str]:
        """What it cost: nothing."""
        return []

    def _scores(self, judge: RewardModel, ids: Sequence[Sequence[int]], channel: Channel) -> list[float]:
        watch, found = Watch(channel), list[float]()
        for start in range(0, len(ids), AT_ONCE):
            found += judge.scores_of_ids(ids[start : start + AT_ONCE], lambda: watch.stopped)
            watch.tell(len(found) / len(ids), f"“{self._ref.name}” has scored {len(found):,} of {len(ids):,} answers")
        return found


_SAME, _UNREAD = Judged(None, None, is_same=True), Judged(None, None)


def _compared(scores: tuple[float, float] | None, dtype: torch.dtype) -> Judged:
    """What the scores of a pair say; None: it has none."""
    if scores is None:
        return _UNREAD
    return Judged.by_scores(*scores, is_tied=bool(reward_model.tied(*scores, dtype)))


def _answered(pair: Compared, text: str) -> list[Mapping[str, Any]]:
    return [*pair.turns, {"role": "assistant", "content": text}]
