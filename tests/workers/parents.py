"""Finished trainings from which others go on."""

from __future__ import annotations

import shutil
from pathlib import Path

from templates.continuation import ChainStep, Way
from workers.export import bundle
from workers.orders.train import Continued, TrainingOrder
from workers.protocol import Done, ModelRef


class Parent:
    """A finished training, whose result lies in `folder`."""

    def __init__(self, order: TrainingOrder, done: Done, folder: Path):
        shutil.move(order.staging, folder)
        shutil.rmtree(order.checkpoints)
        self.verdict, self.root = done.result, order.base
        is_adapter = done.made is not None and done.made.what == "artifact" and done.made.kind == "adapter"
        self.ref = ModelRef(
            name="first",
            base_folder=order.base.base_folder if is_adapter else str(folder),
            base_revision="1",
            adapter_folder=str(folder) if is_adapter else None,
            weights_sha256=bundle.weights_sha256_of(folder),
        )

    def loss(self, which: str) -> float:
        """The loss of its base or of itself on the held-out rows."""
        return float(self.verdict["metrics"]["loss"][which]["value"])

    def continued(self, order: TrainingOrder, way: Way) -> TrainingOrder:
        """The order, going on from this result."""
        step = ChainStep(name="first", objective="sft", method="lora", data="colours")
        how = Continued(way=way, why="Because.", parent=self.ref, root=self.root, steps=(step,))
        base = self.ref.model_copy(update={"adapter_folder": None, "weights_sha256": None})
        own_base = self.ref.weights_sha256 if way == "full_model" else ""
        return order.model_copy(update={"base": base, "continued": how, "own_base": own_base})
