"""The program of a `generate` job: a teacher answers prompts, and the rows become a dataset.

preparing → answering → publishing. Answers are sealed on disk as they come, so an attempt resumes where the last
one was killed.
"""

from __future__ import annotations

import time

import torch

from storage.models import Stage
from templates.errors import StudioError
from workers.answering import rows
from workers.answering.from_model import ModelTeacher
from workers.answering.from_service import ServiceTeacher
from workers.evaluation.progress import Channel
from workers.orders.generate import GenerationOrder
from workers.protocol import Done, Entered


def run(order: GenerationOrder, channel: Channel) -> Done:
    """Answer the order's prompts. Raises `Interrupted` if the worker no longer wants the result."""
    torch.set_num_threads(order.threads)
    started = time.monotonic()
    channel.send(Entered(stage=Stage.PREPARING))
    teacher = _teacher(order)
    prompts, left = teacher.read()
    channel.send(Entered(stage="answering"))
    given = teacher.answer(prompts, channel)
    channel.send(Entered(stage=Stage.PUBLISHING))
    made, result = rows.stage(order, prompts, left, given)
    seconds = round(time.monotonic() - started, 3)
    result["sentence"] = " ".join([result["sentence"], *teacher.remarks()])
    return Done(result={**result, **teacher.result()}, actual={"seconds": {"answering": seconds}}, made=made)


def _teacher(order: GenerationOrder) -> ModelTeacher | ServiceTeacher:
    if order.service is not None:
        return ServiceTeacher(order, order.service)
    if order.model is None:
        raise StudioError("The order names no teacher.", code="old_job", remedy="Submit the job again.")
    return ModelTeacher(order, order.model)
