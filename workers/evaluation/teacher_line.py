"""The teacher's scores beside a distilled model's: how much of the teacher's lead the student has kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.runs.bootstrap import Floats, Groups, Interval, Pair, renumbered, resampled_means
from workers.evaluation import sentences, verdict
from workers.evaluation.held_out import HeldOutSide
from workers.evaluation.scoring import Scores
from workers.evaluation.sentences import RIGHT_ANSWERS, SIMILARITY, UNITS
from workers.evaluation.similarity import of_answers
from workers.evaluation.verdict_document import TeacherLine

PER_TOKEN = ("loss", "perplexity")
SAME = 1.05
"""Ratios below count as the same."""
Three = tuple[Scores, Scores, Scores]
"""The scores of the teacher, of the model before the training, and of the result."""


@dataclass(frozen=True)
class Sizes:
    """The teacher's name, and the parameters and paces of teacher and student."""

    teacher: str
    n_teacher: int
    n_student: int
    teacher_s: float
    """Seconds to read a number of tokens."""
    student_s: float
    """Seconds to read as many."""
    is_before: bool = False
    """The teacher is the model before the training, of which the student is a smaller copy."""


def of(
    sizes: Sizes, scores: Three, shape: str, side: HeldOutSide, decides: str, *, same_tokens: bool = True
) -> TeacherLine:
    """The line; `decides` is the verdict's deciding metric. Losses of other tokens are not compared."""
    metrics = verdict.paired(scores[0], scores[2], shape, side)
    if not same_tokens:
        metrics = {name: pair for name, pair in metrics.items() if name not in PER_TOKEN}
    found = _kept(scores, side.grouping.groups, decides) if decides in metrics else None
    return TeacherLine(
        name=sizes.teacher,
        metrics=metrics,
        kept=found,
        times_larger=sizes.n_teacher / sizes.n_student,
        times_slower=sizes.teacher_s / sizes.student_s,
        sentence=_said(sizes, found, metrics, decides),
    )


def _said(sizes: Sizes, found: Interval | None, metrics: dict[str, Pair], decides: str) -> str:
    size = _size(sizes)
    if decides not in metrics:
        return f"The teacher “{sizes.teacher}”, {size}, could not be compared on these rows."
    score = f"{sentences.TITLES[decides]} {sentences.score(decides, metrics[decides].base)}{UNITS.get(decides, '')}"
    teacher = f"its teacher “{sizes.teacher}” ({score}), {size}"
    if sizes.is_before:
        return f"It is a smaller copy of {teacher}; what it lost or kept is the difference above."
    if found is None:
        return f"There is no lead to keep: {teacher}, is not surely better than the model before the training."
    return f"It kept {_percent(found)} of the lead of {teacher}."


def _percent(share: Interval) -> str:
    value, low, high = (f"{100 * each:.0f}".replace("-", "−") for each in (share.value, share.low, share.high))
    return f"{value} % [{low}, {high}]"


def _size(sizes: Sizes) -> str:
    larger, slower = sizes.n_teacher / sizes.n_student, sizes.teacher_s / sizes.student_s
    size = f"{larger:.1f} times as large" if larger >= SAME else "no larger"
    pace = f"takes {slower:.1f} times as long to read a text" if slower >= SAME else "is no slower"
    return f"which is {size} and {pace}"


def _kept(scores: Three, groups: Groups, decides: str) -> Interval | None:
    """The share of the lead with its interval, from the same resampled rows for all three models."""
    columns, weights, rows = _values(scores, decides)
    if not len(rows):
        return None
    samples = resampled_means(columns, weights, groups=renumbered(groups[rows]))
    teacher, before, after = columns.sum(0) / weights.sum()
    lead = samples[:, 0] - samples[:, 1]
    least, most = np.percentile(lead, (2.5, 97.5))
    if least <= 0 <= most or (most < 0) != (decides == "loss"):
        return None
    shares = (samples[:, 2] - samples[:, 1]) / np.where(lead == 0, np.nan, lead)
    value, (low, high) = (after - before) / (teacher - before), np.nanpercentile(shares, (2.5, 97.5))
    return Interval(value=float(value), low=min(float(low), float(value)), high=max(float(high), float(value)))


def _values(scores: Three, decides: str) -> tuple[Floats, Floats, Groups]:
    """Each model's score on each row `(n_rows, 3)` times the row's weight, the weights, and the rows' indices."""
    if decides == "loss":
        scored = np.flatnonzero(scores[0].n_tokens > 0)
        return np.stack([one.nll[scored] for one in scores], 1), scores[0].n_tokens[scored].astype(np.float64), scored
    answers = [{answer.index: answer for answer in one.answers} for one in scores]
    rows = [index for index in answers[0] if all(index in one for one in answers[1:])]
    if decides not in (*RIGHT_ANSWERS, SIMILARITY):
        rows = []
    told = [[one[index] for index in rows] for one in answers]
    if decides == SIMILARITY:
        columns = [of_answers(one) for one in told]
    else:
        columns = [np.array([answer.right for answer in one], np.float64) for one in told]
    return np.stack(columns, 1), np.ones(len(rows)), np.array(rows, np.intp)
