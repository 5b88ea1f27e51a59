"""P-tuning: PEFT's own files hold only the vectors that the network makes; to go on, the network is needed too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel, TrainerCallback, TrainerState, TrainingArguments

FILE = "prompt_encoder.safetensors"


def callbacks(model: PreTrainedModel, checkpoint: Path | None) -> list[TrainerCallback]:
    """What keeps the network in every checkpoint."""
    return [KeptEncoder(model, checkpoint)]


class KeptEncoder(TrainerCallback):  # type: ignore[misc]
    """Saves the network with each checkpoint, and puts it back when the training goes on."""

    def __init__(self, model: PreTrainedModel, checkpoint: Path | None):
        self._encoder = model.prompt_encoder
        self._checkpoint = checkpoint

    def on_train_begin(self, *_args: Any, **_: Any) -> None:
        if self._checkpoint:  # the Trainer has loaded the vectors into the network's table, where they don't belong
            self._encoder.load_state_dict(load_file(self._checkpoint / FILE))

    def on_save(self, args: TrainingArguments, state: TrainerState, _control: Any, **_: Any) -> None:
        kept = {name: tensor.contiguous() for name, tensor in self._encoder.state_dict().items()}
        save_file(kept, Path(args.output_dir) / f"checkpoint-{state.global_step}" / FILE)
