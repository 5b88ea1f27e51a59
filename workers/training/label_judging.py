"""Judges a training whose result chooses among labels: probabilities, confusions, and when it doesn't know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedModel

from storage.gallery.label_sets import LabelSet
from storage.runs.bootstrap import Groups, renumbered
from templates.objectives.classification import ClassificationParams
from workers.classification import judged_labels
from workers.classification.judged_labels import Scored, Sides
from workers.classification.label_tokens import LabelEndings
from workers.classification.label_verdict import LabelVerdict
from workers.evaluation.scoring import Scores
from workers.training import contenders, held_out_scores
from workers.training.callbacks import Channel
from workers.training.task import Task


@dataclass(frozen=True)
class OfLabels:
    """What is published of it."""

    verdict: LabelVerdict
    labels: LabelSet


def judge(
    task: Task, scores: tuple[Scores, Scores], groups: Groups, model: PreTrainedModel, channel: Channel
) -> OfLabels | None:
    """Given the `scores` of what the training started from and of `model`; None if answers are free or there are none.

    `groups` are those of all held-out rows.
    """
    labels, params = held_out_scores.labels_of(task), task.params
    if labels is None or not all(len(one.answers) for one in scores):
        return None
    assert isinstance(params, ClassificationParams)
    with contenders.parent(task.order, model) as before:
        chosen_on = [held_out_scores.on_selection(task, before, labels, channel)]
    chosen_on.append(held_out_scores.on_selection(task, model, labels, channel))
    base, adapted = (Sides(one, _held_out(two)) for one, two in zip(chosen_on, scores, strict=True))
    verdict = judged_labels.judge(
        base,
        adapted,
        labels.labels,
        Counter(str(row["label"]).strip() for row in task.train),
        renumbered(groups[[answer.index for answer in scores[1].answers]]),
        wanted=params.wanted_accuracy,
        against=task.order.model_before,
    )
    return OfLabels(verdict, _label_set(task, labels, verdict))


def _held_out(scores: Scores) -> Scored:
    assert scores.label_logprobs is not None
    return Scored(np.asarray(scores.label_logprobs), tuple(answer.expected for answer in scores.answers))


def _label_set(task: Task, labels: LabelEndings, verdict: LabelVerdict) -> LabelSet:
    found = verdict.calibration
    return LabelSet(
        labels=labels.labels,
        tokens=tuple(labels.endings),
        lead=task.renderer.lead,
        temperature=found.temperature if found else 1.0,
        base_temperature=found.base_temperature if found else 1.0,
        threshold=verdict.sure.threshold,
        wanted_accuracy=verdict.sure.wanted,
    )
