"""Judges what a training of the objective `reward` made: a base with a score head, on held-out pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from storage.data import row_files
from storage.planning.detectable import FEWEST_GROUPS
from storage.runs import row_outcomes
from storage.runs.bootstrap import Floats, Groups, Pair, paired_shares, renumbered
from storage.runs.row_outcomes import RowOutcomes
from templates import instructions, registry
from templates.quantities import plural
from workers import models
from workers.evaluation import held_out, outcome, sentences
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.sentences import PREFERENCE, Outcome
from workers.evaluation.verdict_document import Stopped, Verdict
from workers.preferences import reward_verdict
from workers.preferences.reward_model import RewardModel
from workers.preferences.reward_verdict import RewardVerdict
from workers.stages import Watch
from workers.training import batches, best
from workers.training.batches import Example, Examples
from workers.training.callbacks import Channel
from workers.training.judging import SCORED_QUANTIZED, Judged, OfTeacher
from workers.training.setups import TrainingSetup
from workers.training.task import Task

AT_ONCE = 64
"""Held-out answers scored between two reports."""
CLAIMS: Mapping[Outcome, str] = {
    "better": "Better than judging by length",
    "not_better": "No better than judging by length",
    "worse": "Worse than judging by length",
    "cant_tell": "Can't tell yet",
}
CAN_BE_SHORT = (
    "Use more pairs, above all pairs in which the longer answer is the worse one, or more passes over the data; and "
    "look at the health report for contradicting judgements."
)
LENGTH_TELLS_ALL = (
    "In these pairs {rule} is right nearly always, so nothing can show that the scores tell more than length. Add "
    "pairs in which that rule is wrong."
)
RARELY = 0.1
"""Share of the pairs up to which a rule that gets them wrong is right nearly always."""
TOO_FEW = f"Hold out more pairs: a verdict needs at least {FEWEST_GROUPS} that are not nearly equal."


def judge(
    task: Task,
    _setup: TrainingSetup,
    model: PreTrainedModel,
    actual: Mapping[str, Any],
    channel: Channel,
    _of_teacher: OfTeacher | None,
) -> Judged:
    """How the result ranks the held-out pairs, beside the rule that prefers longer (or shorter) answers."""
    documents = row_files.documents(Path(task.order.dataset_file))
    side = held_out.of(task.order.shape, task.train + task.selection, task.held_out, documents)
    scored = _scored(task, model, channel)
    found = _verdict(task, scored, side, actual)
    quantized = [SCORED_QUANTIZED] if models.is_quantized(model) else []
    chosen = best.remarks(plural(len(task.selection), "row"), actual) if task.params.chooses else []
    told = (*quantized, *task.remarks, *found.remarks, *chosen, *instructions.remarks(task.recipe.instruction))
    return Judged(found.model_copy(update={"remarks": told}), [], _outcomes(task, scored, side))


@dataclass(frozen=True)
class _Scored:
    """The held-out pairs that could be scored."""

    rows: Sequence[int]
    """Their indices among the held-out rows."""
    chosen: Floats
    rejected: Floats
    lengths: tuple[Floats, Floats]
    """Tokens of both answers of each pair."""
    refused: Sequence[int]
    """Source rows of the others."""


def _scored(task: Task, model: PreTrainedModel, channel: Channel) -> _Scored:
    views, length = registry.objective(task.recipe.objective).views, task.facts.context_length
    made: Examples[Any] = batches.render_pairs(task.renderer, task.order.shape, task.held_out, views, max_length=length)
    cut = set(made.cut)
    whole = [at for at, row in enumerate(made.rows) if task.held_out[row]["source_row"] not in cut]
    pairs = [made.kept[at] for at in whole]
    sides: list[Example] = [*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)]
    scores = np.array(_scores(RewardModel(model, task.renderer, length), sides, channel))
    lengths = np.array([sum(side.trained) for side in sides], np.float64)
    n = len(pairs)
    return _Scored(
        [made.rows[at] for at in whole], scores[:n], scores[n:], (lengths[:n], lengths[n:]), made.refused + made.cut
    )


def _scores(judge: RewardModel, sides: Sequence[Example], channel: Channel) -> list[float]:
    watch, found = Watch(channel), list[float]()
    for start in range(0, len(sides), AT_ONCE):
        some = [side.ids for side in sides[start : start + AT_ONCE]]
        found += judge.scores_of_ids(some, lambda: watch.stopped)
        watch.tell(len(found) / len(sides), "scoring held-out pairs")
    return found


def _verdict(task: Task, scored: _Scored, side: HeldOutSide, actual: Mapping[str, Any]) -> Verdict:
    stopped = Stopped(step=actual["steps"], of=actual["planned_steps"]) if actual["stopped"] else None
    unscored = [_unscored(scored.refused)] if scored.refused else []
    known: dict[str, Any] = {
        "headline": PREFERENCE,
        "n_rows": len(scored.rows),
        "n_answered": 0,
        "n_tokens": 0,
        "changes": {},
        "stopped": stopped,
        "opening": task.order.held_out_openings + 1,
        "remarks": tuple(unscored),
    }
    if not scored.rows or side.pair_rule is None or side.pair_rule.prefers_right is None:
        what = f"{CLAIMS['cant_tell']}. No held-out pair could be scored."
        return Verdict(
            verdict="cant_tell", claim=CLAIMS["cant_tell"], sentence=what, metrics={}, what_would_help=TOO_FEW, **known
        )
    groups = renumbered(side.grouping.groups[list(scored.rows)])
    right = side.pair_rule.prefers_right[list(scored.rows)]
    pair = paired_shares(right > 0, scored.chosen > scored.rejected, groups=groups)
    of_reward = reward_verdict.of(scored.chosen, scored.rejected, scored.lengths, (side.pair_rule.words, right), groups)
    ending = outcome.outcome(PREFERENCE, pair, len(np.unique(groups)), None, {PREFERENCE: pair}, 0.0)
    return Verdict(
        verdict=ending,
        claim=CLAIMS[ending],
        sentence=_sentence(CLAIMS[ending], pair, of_reward),
        metrics={PREFERENCE: pair},
        n_groups=len(np.unique(groups)),
        reward=of_reward,
        what_would_help=_what_would_help(ending, groups, of_reward),
        **known,
    )


def _sentence(claim: str, pair: Pair, found: RewardVerdict) -> str:
    own, rule = (sentences.score(PREFERENCE, one) for one in (pair.adapted, pair.base))
    return (
        f"{claim}. It ranks the chosen answer first in {own} of {plural(found.n_pairs, 'held-out pair')}; "
        f"{found.rule} does so in {rule} ({sentences.change(PREFERENCE, pair.difference)})."
    )


def _what_would_help(ending: Outcome, groups: Groups, found: RewardVerdict) -> str | None:
    if ending == "better":
        return None
    if len(np.unique(groups)) < FEWEST_GROUPS:
        return TOO_FEW
    is_rarely_wrong = found.n_against_rule <= RARELY * found.n_pairs
    return LENGTH_TELLS_ALL.format(rule=found.rule) if is_rarely_wrong else CAN_BE_SHORT


def _unscored(numbers: Sequence[int]) -> str:
    rows = ", ".join(str(number) for number in sorted(set(numbers))[:5])
    return (
        f"{plural(len(set(numbers)), 'held-out pair')} could not be scored: longer than the model reads, refused by "
        f"the chat template, or with two equal answers (rows {rows}{' …' if len(set(numbers)) > 5 else ''})."
    )


def _outcomes(task: Task, scored: _Scored, side: HeldOutSide) -> RowOutcomes:
    """By how much each held-out row's chosen answer scores higher, so that results can be compared in pairs."""
    n = len(task.held_out)
    ahead: list[float | None] = [None] * n
    for row, score in zip(scored.rows, (scored.chosen - scored.rejected).tolist(), strict=True):
        ahead[row] = score
    return RowOutcomes(
        side=row_outcomes.side_of(task.held_out, task.order.shape),
        row=[row["source_row"] for row in task.held_out],
        group=side.grouping.groups.tolist(),
        n_tokens=[0] * n,
        nll=[0.0] * n,
        right=[None] * n,
        similarity=[None] * n,
        prefers=ahead,
    )
