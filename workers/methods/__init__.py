"""What methods need beyond PEFT's configuration: one file each, with the name of its declaration.

A file may define any of these; a method that PEFT knows, and whose settings are PEFT's own, needs no file.

- `adapt(model, params, ahead) -> model` changes a freshly loaded base itself, where PEFT doesn't know the method.
- `configure(params, model, ahead) -> dict` gives the arguments of PEFT's configuration, instead of plain `params`.
- `initialise(model, params, ahead)` sets the fresh adapter's weights.
- `callbacks(model, checkpoint) -> list` gives callbacks for the `Trainer`; `checkpoint` is the folder from which the
  training resumes. A callback may write files of its own into a checkpoint (`on_save`).
- `finish(model)` is called once the weights to publish are there.

`ahead` is a `workers.training.ahead.TrainingAhead`.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, TrainerCallback


def own_part(key: str) -> Any:
    """The file of a method; None if it needs none."""
    name = f"{__name__}.{key}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def callbacks(key: str, model: PreTrainedModel, checkpoint: Path | None = None) -> list[TrainerCallback]:
    """The method's own callbacks for a training that resumes from `checkpoint`, if there is one."""
    own = own_part(key)
    return list(own.callbacks(model, checkpoint)) if hasattr(own, "callbacks") else []


def finish(key: str, model: PreTrainedModel) -> None:
    """What the method does once the weights to publish are there."""
    own = own_part(key)
    if hasattr(own, "finish"):
        own.finish(model)
