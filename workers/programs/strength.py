"""The program of a `strength` job: scores an adapter at several strengths, without training.

preparing → evaluating. Each strength's scores are sealed on disk, so an attempt resumes where the last one was killed.
"""

from __future__ import annotations

import time

import torch

from storage.models import Stage
from templates.errors import StudioError
from workers import models
from workers.evaluation import strength_curve
from workers.evaluation.progress import WHOLE, Channel
from workers.evaluation.strength_scores import SealedStrength, StrengthScorer, task_rows
from workers.orders.strength import StrengthOrder
from workers.protocol import Advanced, Done, Entered, Planned


def run(order: StrengthOrder, channel: Channel) -> Done:
    """Score the order's strengths. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    started = time.monotonic()
    channel.send(Entered(stage=Stage.PREPARING))
    task = [task_rows(one) for one in order.task]
    if not all(one.rows for one in task):
        raise StudioError(
            "A dataset of the training has no selection side, so a strength can't be chosen on it.",
            code="no_selection_rows",
            remedy="Train on a dataset with more rows.",
        )
    scorer = StrengthScorer(order, task, lambda: models.load(order.model), channel)
    channel.send(Entered(stage=Stage.EVALUATING))
    found = _scored(order, scorer, channel)
    prompts = scorer.own_prompts(WHOLE)  # sealed by now
    curve = strength_curve.of(order, task, scorer.suite, prompts, found)
    seconds = round(time.monotonic() - started, 3)
    return Done(result=curve.model_dump(mode="json"), actual={"seconds": {"evaluating": seconds}})


def _scored(order: StrengthOrder, scorer: StrengthScorer, channel: Channel) -> list[SealedStrength]:
    """Every strength's scores; those that an earlier attempt sealed are not computed again."""
    sealed = [scorer.sealed(place) for place in range(len(order.strengths))]
    n_done = sum(one is not None for one in sealed)
    channel.send(Planned(start_step=n_done, total_steps=len(order.strengths)))
    began, found, n_before = time.monotonic(), list[SealedStrength](), n_done
    for place, one in enumerate(sealed):
        if one is None:
            one = scorer.score(place)
            n_done += 1
            pace = (time.monotonic() - began) / (n_done - n_before)
            channel.send(Advanced(step=n_done, eta_s=pace * (len(order.strengths) - n_done)))
        found.append(one)
    return found
