"""The base model at the root of a chain, while a training goes on: behind the adapter, or loaded once beside it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from workers.orders.train import TrainingOrder
from workers.training import contenders


class Root:
    """The root of an order that goes on from a result; loaded when it is first asked for, if it has to be."""

    def __init__(self, order: TrainingOrder):
        self._order = order
        self._model: PreTrainedModel | None = None

    @contextmanager
    def behind(self, student: PreTrainedModel) -> Iterator[PreTrainedModel]:
        """Inside, the untouched base."""
        if contenders.root_stays(self._order):
            with student.disable_adapter():
                yield student
            return
        if self._model is None:
            self._model = contenders.loaded_root(self._order, student)
        yield self._model

    def free(self) -> None:
        """Take it out of memory."""
        if self._model is not None:
            self._model = None
            gc.collect()
            torch.cuda.empty_cache()
