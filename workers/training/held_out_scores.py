"""Scores a model on a task's held-out rows, and on the rows set aside for choices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from transformers import PreTrainedModel

from templates import registry
from workers.classification.judged_labels import Scored
from workers.classification.label_tokens import LabelEndings
from workers.evaluation import scoring
from workers.evaluation.scoring import Scores
from workers.rewards import checked, judge
from workers.training.callbacks import Channel
from workers.training.task import Task


def scored(task: Task, which: PreTrainedModel, channel: Channel, progress: Callable[[int, int], None]) -> Scores:
    """The model's scores on all held-out rows."""
    learned = registry.objective(task.recipe.objective)
    found = scoring.score(
        which,
        task.renderer,
        task.order.shape,
        task.held_out,
        max_length=task.params.max_length,
        context_length=task.facts.context_length,
        trains_prompt=learned.trains_prompt,
        views=learned.views,
        eval_rows=task.order.eval_rows,
        labels=labels_of(task),
        longest=checked.longest(task.params),
        progress=progress,
        stopped=lambda: channel.abandoned,
    )
    found = checked.scores(task.params, found)
    if task.reward is None:
        return found
    return judge.scored(task.reward, task.order.shape, task.held_out, found, lambda: channel.abandoned)


def labels_of(task: Task) -> LabelEndings | None:
    """The labels that the result chooses among: those of the rows that it learns. None if it answers freely."""
    if not registry.objective(task.recipe.objective).most_labels:
        return None
    return LabelEndings.of(task.renderer, task.train)


def on_selection(task: Task, which: PreTrainedModel, labels: LabelEndings, channel: Channel) -> Scored:
    """What the model says of the rows set aside for choices, of as many as of held-out rows."""
    asked = partial(scoring.labelled, context_length=task.facts.context_length, stopped=lambda: channel.abandoned)
    answers, logprobs = asked(which, task.renderer, task.order.shape, task.selection[: task.order.eval_rows], labels)
    return Scored(logprobs, tuple(answer.expected for answer in answers))
