"""`python -m workers.bench.training WHO ORDER`: trains LoRA on the same rows, in the studio's or in TRL's way.

WHO is a name in `WAYS`; ORDER is the path of a JSON document, a `Race`. Prints seconds, tokens, peak memory and
the held-out loss as JSON. Loading the model and preparing the rows don't count. All ways make the same number of
passes over the same rows with the same LoRA, rate and batch, and are measured by the same function.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel
from transformers import PreTrainedModel, set_seed
from transformers.trainer_callback import PrinterCallback

from storage.data import row_files
from storage.rendering.renderer import Renderer
from templates import registry
from templates.recipe import Recipe
from templates.spec.base_facts import WIDE_FROM
from workers import models, precision
from workers.evaluation.losses import losses
from workers.evaluation.predictions import Piece
from workers.training import batches
from workers.training.callbacks import peak_memory_bytes
from workers.training.setups import TrainingData
from workers.weights import load


class Race(BaseModel):
    """What every way is given."""

    base_folder: str
    dataset_file: str
    shape: str
    recipe: Recipe
    n_rows: int
    """Training rows, the first of the file; the objective's passes are made over these."""
    n_held_out: int
    threads: int


@dataclass(frozen=True)
class Ready:
    """A way that has loaded its model and rows."""

    model: PreTrainedModel
    train: Callable[[], Any]
    n_tokens: int
    """Tokens of the training rows in one pass, without padding."""


def studio(race: Race, rows: list[dict[str, Any]], renderer: Renderer) -> Ready:
    """The studio's own setup and trainer, without checkpoints and charts."""
    params = race.recipe.training()
    data = TrainingData(race.recipe.objective, params, race.shape, rows, [], renderer)
    setup = importlib.import_module(f"workers.objectives.{race.recipe.objective}").set_up(data)
    model = models.adapt(models.load_base(race.base_folder), race.recipe)
    trainer = setup.trainer(model, Path(tempfile.mkdtemp(prefix="studio-bench-")))
    return Ready(model, trainer.train, _n_tokens(race, rows, renderer))


def trl(race: Race, rows: list[dict[str, Any]], renderer: Renderer, **options: Any) -> Ready:
    """`SFTTrainer` with its defaults, but for what all ways share; bfloat16 only where the device has it."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    params, declared = race.recipe.training(), registry.shape(race.shape)
    assert declared.messages is not None
    turns = [declared.messages(row) for row in rows]
    system = [{"role": "system", "content": race.recipe.instruction}] if race.recipe.instruction else []
    examples = [{"prompt": [*system, *talk[:-1]], "completion": talk[-1:]} for talk in turns]
    weights = options.pop("dtype", "float32")
    model = load(race.base_folder, dtype=getattr(torch, weights)).to(models.device())
    where = models.device()
    args = SFTConfig(
        output_dir=tempfile.mkdtemp(prefix="studio-bench-"),
        num_train_epochs=params.num_train_epochs,
        learning_rate=params.learning_rate,
        per_device_train_batch_size=options.pop("per_device_train_batch_size", params.per_device_train_batch_size),
        lr_scheduler_type=params.lr_scheduler_type,
        warmup_steps=params.warmup_steps,
        max_length=params.max_length,
        seed=params.seed,
        bf16=precision.multiplies_bfloat16(where),
        use_cpu=where.type == "cpu",
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        **options,
    )
    lora = models.peft_config(registry.method(race.recipe.method), race.recipe.adaptation(), model)
    trainer = SFTTrainer(model, args, train_dataset=Dataset.from_list(examples), peft_config=lora)
    trainer.remove_callback(PrinterCallback)
    return Ready(trainer.model, trainer.train, _n_tokens(race, rows, renderer))


def trl_tuned(race: Race, rows: list[dict[str, Any]], renderer: Renderer) -> Ready:
    """The same with packed rows, no recomputed activations, and weights in bfloat16 where the device has it."""
    params = race.recipe.training()
    batch_tokens = params.per_device_train_batch_size * _n_tokens(race, rows, renderer) / len(rows)
    return trl(
        race,
        rows,
        renderer,
        packing=True,
        per_device_train_batch_size=max(1, round(batch_tokens / params.max_length)),  # about as many updates
        gradient_checkpointing=False,
        dtype="bfloat16" if precision.multiplies_bfloat16(models.device()) else "float32",
    )


WAYS: dict[str, Callable[[Race, list[dict[str, Any]], Renderer], Ready]] = {
    "studio": studio,
    "trl": trl,
    "trl-tuned": trl_tuned,
}


def run(who: str, race: Race) -> dict[str, Any]:
    """Train in this way and measure it."""
    torch.set_num_threads(race.threads)
    params = race.recipe.training()
    set_seed(params.seed)
    renderer = Renderer(Path(race.base_folder)).instructed(race.recipe.instruction)
    rows = row_files.read(Path(race.dataset_file), held_out=False, most=race.n_rows)
    ready = WAYS[who](race, rows, renderer)
    began = time.perf_counter()
    n_updates = ready.train().global_step
    seconds = time.perf_counter() - began
    peak_bytes = peak_memory_bytes()
    n_tokens = math.ceil(ready.n_tokens * params.num_train_epochs)
    return {
        "seconds": seconds,
        "tokens_per_s": n_tokens / seconds,
        "n_tokens": n_tokens,
        "n_updates": n_updates,
        "peak_bytes": peak_bytes,
        "has_bfloat16": _could(ready.model),
        "held_out_loss": _held_out_loss(race, ready.model, renderer),
    }


def _could(model: PreTrainedModel) -> bool:
    """Whether a CPU could compute this model's products in bfloat16."""
    wide = precision.hidden_size(model.config) >= WIDE_FROM
    return wide and precision.multiplies_bfloat16(model.device)


def _rendered(race: Race, rows: list[dict[str, Any]], renderer: Renderer) -> list[Piece]:
    objective = registry.objective(race.recipe.objective)
    length = race.recipe.training().max_length
    kept = batches.render(renderer, race.shape, rows, max_length=length, trains_prompt=objective.trains_prompt).kept
    return [(example.ids, example.trained) for example in kept]


def _n_tokens(race: Race, rows: list[dict[str, Any]], renderer: Renderer) -> int:
    return sum(len(ids) for ids, _ in _rendered(race, rows, renderer))


def _held_out_loss(race: Race, model: PreTrainedModel, renderer: Renderer) -> float:
    """Mean loss of the held-out answers' tokens, in nats."""
    held_out = row_files.read(Path(race.dataset_file), held_out=True, most=race.n_held_out)
    nll, n_tokens = losses(model, [[piece] for piece in _rendered(race, held_out, renderer)])
    return float(nll.sum() / n_tokens.sum())


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], Race.model_validate_json(Path(sys.argv[2]).read_bytes()))))
