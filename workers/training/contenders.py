"""The models that a training's result is compared with: what it started from, and the base at the root of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peft import PeftModel
from transformers import PreTrainedModel

from templates import registry
from workers import models
from workers.orders.train import TrainingOrder
from workers.protocol import ModelRef

PARENT = "parent"
"""Name of the parent's adapter while it stands beside the result's."""


def trains_same_adapter(order: TrainingOrder) -> bool:
    """Whether the parent's own adapter is trained further."""
    return order.continued is not None and order.continued.way == "same_adapter"


def parent_stays(order: TrainingOrder) -> bool:
    """Whether the model that the training starts from remains behind the adapter."""
    is_adapter = registry.method(order.recipe.method).trains == "adapter"
    return is_adapter and not trains_same_adapter(order) and not models.moves_base(order.recipe)


@contextmanager
def parent(order: TrainingOrder, model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """What the training of `model` started from; with a chain, the result before it."""
    if registry.method(order.recipe.method).trains != "adapter":
        yield models.load_base(order.base.base_folder)
    elif order.continued and trains_same_adapter(order):
        with _beside(model, str(order.continued.parent.adapter_folder)):
            yield model
    else:
        with model.disable_adapter():
            yield model


@contextmanager
def root(order: TrainingOrder, model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The base model at the root of the chain. The order must continue one."""
    assert order.continued
    if trains_same_adapter(order) and not order.own_base:
        with model.disable_adapter():
            yield model
    else:
        yield _loaded(order, order.continued.root, model)


def _loaded(order: TrainingOrder, ref: ModelRef, model: PreTrainedModel) -> PreTrainedModel:
    """In the result's precision: what did not fit in full precision under the result does not fit beside it."""
    quantization = order.recipe.quantization if models.is_quantized(model) else "none"
    return models.load_base(ref.base_folder, quantization)


@contextmanager
def _beside(model: PeftModel, adapter_folder: str) -> Iterator[None]:
    """The parent's adapter in place of the result's."""
    own = model.active_adapter
    model.load_adapter(adapter_folder, adapter_name=PARENT)
    model.set_adapter(PARENT)
    model.eval()
    try:
        yield
    finally:
        model.set_adapter(own)
        model.delete_adapter(PARENT)
