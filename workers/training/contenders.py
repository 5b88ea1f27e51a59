"""The models that a training's result is compared with: what it started from, and the base at the root of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peft import PeftModel
from transformers import PreTrainedModel

from templates import registry
from workers import models
from workers.orders.train import TrainingOrder

PARENT = "parent"
"""Name of the parent's adapter while it stands beside the result's."""


def keeps_adapter(order: TrainingOrder) -> bool:
    """Whether the result is the parent's own adapter, trained further or changed."""
    return order.continued is not None and order.continued.way in ("same_adapter", "reduced")


def root_stays(order: TrainingOrder) -> bool:
    """Whether the base model at the root remains behind the adapter."""
    return keeps_adapter(order) and not order.own_base


def parent_stays(order: TrainingOrder) -> bool:
    """Whether the model that the training starts from remains behind the adapter."""
    is_adapter = registry.method(order.recipe.method).trains == "adapter"
    return is_adapter and not keeps_adapter(order) and not models.moves_base(order.recipe)


@contextmanager
def parent(order: TrainingOrder, model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """What the training of `model` started from; with a chain, the result before it."""
    if registry.method(order.recipe.method).trains != "adapter":
        yield models.load_base(order.base.base_folder)
    elif order.continued and keeps_adapter(order):
        with _beside(model, str(order.continued.parent.adapter_folder)):
            yield model
    else:
        with model.disable_adapter():
            yield model


@contextmanager
def root(order: TrainingOrder, model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The base model at the root of the chain. The order must continue one."""
    assert order.continued
    if root_stays(order):
        with model.disable_adapter():
            yield model
    else:
        yield loaded_root(order, model)


def loaded_root(order: TrainingOrder, model: PreTrainedModel) -> PreTrainedModel:
    """The base at the root beside `model`, in the same precision: what did not fit there does not fit beside it."""
    assert order.continued
    quantization = order.recipe.quantization if models.is_quantized(model) else "none"
    return models.load_base(order.continued.root.base_folder, quantization)


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
