"""AdaLoRA: drops the least useful directions after each update, which no Trainer does by itself.

While it trains, the matrices keep their size and a dropped direction's weight is zero, so that a checkpoint holds all
that is needed to go on. How useful the directions were so far lies beside it. The result keeps only what is not zero.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, TrainerCallback, TrainerState, TrainingArguments

from templates.methods.adalora import AdaloraParams
from templates.spec import Params
from workers import targets
from workers.training.ahead import TrainingAhead

FILE = "adalora.safetensors"
KEPT = ("ipt", "exp_avg_ipt", "exp_avg_unc")
"""The allocator's measurements of usefulness, by parameter."""


def configure(params: Params, model: PreTrainedModel, ahead: TrainingAhead) -> dict[str, Any]:
    """PEFT's arguments, in updates instead of shares of the run."""
    assert isinstance(params, AdaloraParams)
    return {
        **targets.arguments(params, model),
        "total_step": ahead.n_updates,
        "tinit": int(params.tinit * ahead.n_updates),
        "tfinal": int(params.tfinal * ahead.n_updates),
    }


def callbacks(model: PreTrainedModel, checkpoint: Path | None) -> list[TrainerCallback]:
    """What lets the rank fall."""
    return [RankAllocation(model, checkpoint)]


def finish(model: PreTrainedModel) -> None:
    """Leave out of the result every direction whose weight is zero."""
    config = model.peft_config["default"]
    config.rank_pattern = {
        name: (weight != 0).flatten().tolist() for name, weight in model.model.named_parameters() if ".lora_E." in name
    }


class RankAllocation(TrainerCallback):  # type: ignore[misc]
    """Decides after each update, while its gradients are there, which directions stay."""

    def __init__(self, model: PreTrainedModel, checkpoint: Path | None):
        self._tuner = model.base_model
        self._config = model.peft_config["default"]
        self._pattern: dict[str, Any] | None = None
        if checkpoint:
            self._go_on(checkpoint)

    def on_optimizer_step(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        self._config.rank_pattern = self._pattern
        self._tuner.update_and_allocate(state.global_step + 1)
        self._pattern = self._config.rank_pattern
        self._config.rank_pattern = None  # with it, a checkpoint would hold smaller matrices than it can be loaded into

    def on_save(self, args: TrainingArguments, state: TrainerState, _control: Any, **_: Any) -> None:
        found = {
            f"{kind}/{name}": tensor.contiguous()
            for kind in KEPT
            for name, tensor in getattr(self._allocator, kind).items()
        }
        save_file(found, Path(args.output_dir) / f"checkpoint-{state.global_step}" / FILE)

    @property
    def _allocator(self) -> Any:
        return self._tuner.rankallocator

    def _go_on(self, checkpoint: Path) -> None:
        """Take the measurements of an interrupted training; what it dropped is zero in its weights."""
        device = next(self._tuner.parameters()).device
        for key, tensor in load_file(checkpoint / FILE).items():
            kind, _, name = key.partition("/")
            getattr(self._allocator, kind)[name] = tensor.to(device)

    def on_train_begin(self, _args: Any, state: TrainerState, _control: Any, **_: Any) -> None:
        if state.global_step >= self._config.total_step - self._config.tfinal:
            self._pattern = {
                name: (weight != 0).flatten().tolist()
                for name, weight in self._tuner.model.named_parameters()
                if ".lora_E." in name
            }
