"""The weights with the lowest loss on the selection side, kept while the training goes on.

Where answers are rewarded, another measure stands in for the loss (`Criterion`).

They are published if the recipe asks for it (`load_best_model_at_end`). The choice uses rows that were set
apart from the training side, never held-out rows.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState

from storage import files
from templates.spec import TrainingParams
from workers.evaluation.generation import Interrupted
from workers.protocol import Measured, Noted
from workers.training.callbacks import Channel, every
from workers.training.checkpoints import DRAFTS

PREFIX = "best-"
WEIGHTS, FACTS = "weights.safetensors", "facts.json"
log = logging.getLogger("studio.training")


@dataclass(frozen=True)
class Criterion:
    """What the best weights are chosen by. What is lowered, and called loss in the code, is `sign` times its value."""

    name: str
    best: str
    """The word for its best value."""
    sign: int = 1


LOSS = Criterion("loss", "lowest")


@dataclass(frozen=True)
class Kept:
    """The folder of a step's weights, and their loss on the selection side."""

    folder: Path
    step: int
    loss: float


def kept(folder: Path) -> Kept | None:
    """The complete weights with the lowest loss that any attempt of this job has kept."""
    whole = [path for path in folder.glob(f"{PREFIX}*") if files.flaw(path) is None]
    found = [Kept(path, **json.loads((path / FACTS).read_bytes())) for path in whole]
    return min(found, key=lambda one: (one.loss, one.step), default=None)


class Best(TrainerCallback):  # type: ignore[misc]
    """Measures the loss on the selection side at intervals, and ends a run that no longer lowers it."""

    def __init__(
        self,
        channel: Channel,
        params: TrainingParams,
        measure: Callable[[PreTrainedModel, Callable[[], bool]], float],
        folder: Path,
        chosen_by: Criterion = LOSS,
    ):
        self._channel, self._params, self._measure, self._folder = channel, params, measure, folder
        self._chosen_by = chosen_by
        self.kept = kept(folder)
        self._n_since = 0
        """Number of measurements since the lowest loss."""

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        if self.kept:
            apart = every(self._params.eval_steps, state.max_steps)
            self._n_since = max(0, state.global_step // apart - self.kept.step // apart)

    def on_step_end(self, _args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step, stop = state.global_step, self._channel.stop
        due = step % every(self._params.eval_steps, state.max_steps) == 0 or step == state.max_steps
        if self._channel.abandoned or not (due or stop):
            return
        loss = self._loss(kwargs["model"], step)
        if loss is None:
            return
        if self.kept is None or loss < self.kept.loss or step == self.kept.step:
            self._keep(kwargs["model"], step, loss)
        else:
            self._n_since += 1
        if 0 < self._params.early_stopping_patience <= self._n_since and step < state.max_steps:
            control.should_training_stop = True
            self._channel.send(Noted(kind="stopped_early", data={"step": step, "total_steps": state.max_steps}))

    def _loss(self, model: PreTrainedModel, step: int) -> float | None:
        was_training = model.training
        model.eval()
        try:
            loss = self._measure(model, lambda: self._channel.abandoned)
        except Interrupted:
            return None  # the worker's request is handled at the end of this step
        finally:
            model.train(was_training)
        name, value = self._chosen_by.name, self._chosen_by.sign * loss
        log.info("selection %s after step %d: %.4f", name, step, value)
        self._channel.send(Measured(split="selection", step=step, values={name: value}))
        return loss if math.isfinite(loss) else None

    def _keep(self, model: PreTrainedModel, step: int, loss: float) -> None:
        draft, target = self._folder / f"{DRAFTS}{PREFIX}{step}", self._folder / f"{PREFIX}{step:08d}"
        draft.mkdir(parents=True)
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in _trained(model)}, draft / WEIGHTS)
        made = Kept(target, step, loss)
        facts = {name: value for name, value in asdict(made).items() if name != "folder"}
        (draft / FACTS).write_text(json.dumps(facts), "utf-8")
        files.seal(draft)
        files.move_folder(draft, target)
        for path in self._folder.glob(f"{PREFIX}*"):
            if path != target:
                shutil.rmtree(path)
        self.kept, self._n_since = made, 0


def restore(model: PreTrainedModel, best: Kept) -> None:
    """Load the kept weights into the model."""
    stored = load_file(best.folder / WEIGHTS)
    with torch.no_grad():
        for name, tensor in _trained(model):
            tensor.copy_(stored[name])


def _trained(model: PreTrainedModel) -> list[tuple[str, torch.Tensor]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def remarks(chosen_on: str, actual: Mapping[str, Any], by: Criterion = LOSS) -> list[str]:
    """Which weights were published, for the verdict of a training that chose them."""
    if "chosen_step" not in actual:
        return [f"The {by.name} on the rows set apart could not be measured, so the last weights were published."]
    value = by.sign * actual["selection_loss"]
    return [
        f"The weights after step {actual['chosen_step']:,} of {actual['steps']:,} were published: they had the "
        f"{by.best} {by.name}, {value:.3g}, on {chosen_on} set apart, which were not used for training."
    ]
