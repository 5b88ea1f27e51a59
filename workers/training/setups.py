"""A setup: a `Trainer` with its rows, and the way to measure its held-out loss.

An objective turns a `TrainingData` (model, rows, parameters) into a `TrainingSetup`. Progress, checkpoints and
stopping are the same for all objectives; they are in `callbacks`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from storage.rendering.renderer import Renderer
from templates import mix, registry
from templates.errors import BadInput, Problem
from templates.mix import ONE_DATASET, Mix
from templates.spec import TrainingParams
from workers import precision, sharing
from workers.evaluation.losses import losses
from workers.evaluation.measures import Measuring
from workers.rewards.judge import Judge
from workers.stages import Watch
from workers.training import batches, best, mixing, token_losses
from workers.training.callbacks import Channel
from workers.training.mixing import DatasetRows, SourceRows

HELD_OUT_ROWS = 256
"""Held-out examples behind the live chart; the verdict uses all."""
NAMED_ROWS = 20
"""Refused or cut rows to list; all are counted."""


Kept = TypeVar("Kept")


class Teacher(Protocol):
    """The model that an objective learns from; it is loaded when it is asked for, and not before."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def hashes(self) -> tuple[str, ...]:
        """What stands for its weights and the precision in which it computes."""

    @property
    def vocab_size(self) -> int:
        """Tokens that both its head and the student's have."""

    @property
    def renderer(self) -> Renderer:
        """Its own tokens and chat template, with the training's instruction."""

    @property
    def context_length(self) -> int:
        """Tokens that it can read at once."""

    @property
    def readings(self) -> Path:
        """The folder for what it says, shared by all jobs."""

    def model(self) -> PreTrainedModel:
        """The teacher, in eval mode."""


class Root(Protocol):
    """The base model at the root of a chain of trainings."""

    def behind(self, student: PreTrainedModel) -> AbstractContextManager[PreTrainedModel]:
        """Inside, the base, untouched: `student` without its adapter, or a model beside it."""


@dataclass(frozen=True)
class TrainingData:
    """An objective's inputs."""

    objective: str
    params: TrainingParams
    shape: str
    train: SourceRows
    held_out: SourceRows
    renderer: Renderer
    selection: SourceRows = ()
    """Rows set apart from the training side, if the training makes a choice."""
    job_id: str = ""
    teacher: Teacher | None = None
    """Present if the objective has the role."""
    reward: Judge | None = None
    """The reward model that rewards answers, if the job has one."""
    name: str = ""
    """Of the dataset."""
    left_out: tuple[int, ...] = ()
    """As `DatasetRows.left_out`."""
    further: Sequence[DatasetRows] = ()
    """Further datasets, if the objective mixes several."""
    mix: Mix = ONE_DATASET
    root: Root | None = None
    """Present if the training goes on from a result."""
    context_length: int = 0
    """Tokens that the model can read at once."""

    @property
    def datasets(self) -> list[DatasetRows]:
        """All datasets, those of the task first."""
        sides = self.train, self.held_out, self.selection
        return [DatasetRows(self.name, self.shape, self.renderer, *sides, left_out=self.left_out), *self.further]


@dataclass(frozen=True)
class TrainingSetup:
    """An objective's output."""

    n_updates: int
    trainer: Callable[[PreTrainedModel, Path], Trainer]
    """Takes the model to train and a folder for its unsealed checkpoints."""
    held_out_loss: Callable[[PreTrainedModel, Callable[[], bool]], float | Mapping[str, float]] | None
    """Mean loss, or what is measured instead, by metric; None if there are no rows to measure. Raises `Interrupted`
    once told to stop."""
    remarks: Mapping[str, Mapping[str, Any]]
    """Remarks on the rows for the job's page: kind → details."""
    selection_loss: Callable[[PreTrainedModel, Callable[[], bool]], float] | None = None
    """The same on all selection rows."""
    chosen_by: best.Criterion = best.LOSS
    """What the selection loss is, in words."""
    chosen_on: str = ""
    """What the selection loss is measured on, if that is not the rows set apart."""
    beforehand: Mapping[str, Callable[[Watch], Mapping[str, Mapping[str, Any]]]] = field(default_factory=dict)
    """The work of the stages that the objective declares, done before the model to train is loaded; returns remarks
    for the job's page, like `remarks`."""
    remarks_on: Callable[[PreTrainedModel, Callable[[], bool]], Sequence[str]] | None = None
    """Remarks for the verdict, given the result."""
    callbacks: Callable[[Channel], Sequence[TrainerCallback]] = lambda _channel: ()
    """Callbacks of the objective's own, given the channel to the worker."""
    measure_rows: Measuring | None = None
    """The objective's own metrics on every held-out row, for the verdict. Called with the base and with the result."""


def next_token(data: TrainingData) -> TrainingSetup:
    """Mean negative log likelihood of each update's learned tokens."""
    made = mixing.rendered(
        data.datasets,
        data.mix,
        max_length=data.params.max_length,
        trains_prompt=registry.objective(data.objective).trains_prompt,
    )
    for one, rows in zip(data.datasets, made.train, strict=True):
        refuse_nothing(data, rows, one.train)
    schedule = batches.Schedule(made.examples, data.params, made.decks if data.further else ())
    said = [*mix.sentences(made.portions), *token_losses.sentences(data.params)] if data.further else []

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        takes = frozenset(inspect.signature(_core(model).forward).parameters)
        if sharing.has_virtual_tokens(model):
            takes -= {"logits_to_keep"}  # PEFT adds labels for these tokens, so there must be one for every other token
        built = token_losses.trainer(
            data.params,
            model=model,
            args=training_arguments(data.params, folder, schedule.n_updates, model),
            train_dataset=schedule,
            data_collator=batches.collator(
                data.renderer.eos_ids[0],
                takes,
                on_the_right=not sharing.may_share(model),  # no earlier token sees it there
            ),
        )
        built.remove_callback(PrinterCallback)
        return built

    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_loss([(example.ids, example.trained) for example in sampled(made.held_out)]),
        selection_loss=mean_loss([(example.ids, example.trained) for example in made.selection]),
        remarks=_remarks_on_all(data, made),
        remarks_on=lambda _model, _stopped: said,
    )


def _remarks_on_all(data: TrainingData, made: mixing.Mixed) -> Mapping[str, Mapping[str, Any]]:
    """Remarks on the rows of all datasets; those of the further ones are named under theirs."""
    n_all = sum(len(one.train) for one in data.datasets)
    found = dict(remarks(data, made.train[0], batches.Examples(kept=list(made.held_out))))
    for kind in ("rows_refused", "rows_cut") if data.further else ():
        rows = {one.name: ROWS_OF[kind](them) for one, them in zip(data.datasets, made.train, strict=True)}
        if n := sum(map(len, rows.values())):
            found[kind] = {"count": n, "of": n_all, "rows": {name: them[:NAMED_ROWS] for name, them in rows.items()}}
    return found


def mean_loss(
    examples: Sequence[tuple[Sequence[int], Sequence[bool]]],
) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
    """A function that measures the mean loss of the learned tokens of `examples`, (ids, learned); None without any."""
    if not examples:
        return None

    def measure(model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
        nll, n_tokens = losses(model, [[example] for example in examples], stopped=stopped)
        return float(nll.sum() / n_tokens.sum())

    return measure


def refuse_nothing(
    data: TrainingData, train: batches.Examples[Any], rows: Sequence[Mapping[str, Any]] | None = None
) -> None:
    """Raises `BadInput` if no training row is left; `rows` are those of a further dataset."""
    if not train.kept:
        n_rows = len(data.train if rows is None else rows)
        raise BadInput(
            Problem(
                f"None of the {n_rows} training rows has a token to learn within the first {data.params.max_length}.",
                field="max_length",
                remedy="Raise the maximum row length (max_length), or shorten the prompts.",
            ),
            code="nothing_to_learn",
        )


def sampled(held_out: Sequence[Kept]) -> Sequence[Kept]:
    """The held-out examples behind the live chart."""
    return held_out[:: max(1, -(-len(held_out) // HELD_OUT_ROWS))]


def _core(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


ROWS_OF: Mapping[str, Callable[[batches.Examples[Any]], list[int]]] = {
    "rows_refused": lambda made: made.refused,
    "rows_cut": lambda made: made.cut,
}
"""The kinds of remarks on rows, and the rows' numbers."""


def remarks(
    data: TrainingData, train: batches.Examples[Any], held_out: batches.Examples[Any]
) -> Mapping[str, Mapping[str, Any]]:
    """Remarks on the rows of one dataset for the job's page."""
    n_sample = len(sampled(held_out.kept))
    said: dict[str, Mapping[str, Any]] = {}
    for kind, rows_of in ROWS_OF.items():
        if rows := rows_of(train):
            said[kind] = {"count": len(rows), "of": len(data.train), "rows": rows[:NAMED_ROWS]}
    if n_sample < len(held_out.kept):
        said["held_out_sample"] = {"count": n_sample, "of": len(held_out.kept)}
    return said


def training_arguments(
    params: TrainingParams,
    folder: Path,
    n_updates: int,
    model: PreTrainedModel,
    kind: type[TrainingArguments] = TrainingArguments,
    **more: Any,
) -> TrainingArguments:
    """Adapt `params` for a `Trainer` whose dataset is a `Schedule`: the whole run is one pass over it.

    Logging after every update is cheap and reveals a non-finite loss at once; the callbacks thin it out to
    `logging_steps`. Checkpoints are saved when a callback says so. Arguments in `more` come first.
    """
    given: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": n_updates,
        "per_device_train_batch_size": 1,
        "train_sampling_strategy": "sequential",
        "gradient_accumulation_steps": params.gradient_accumulation_steps,
        "learning_rate": params.learning_rate,
        "lr_scheduler_type": params.lr_scheduler_type,
        "warmup_steps": params.warmup_steps,
        "weight_decay": params.weight_decay,
        "max_grad_norm": params.max_grad_norm,
        "activation_checkpointing": params.gradient_checkpointing,
        "activation_checkpointing_kwargs": {"use_reentrant": False},
        "seed": params.seed,
        "bf16": model.device.type == "cuda" and precision.of_model(model) == torch.bfloat16,
        "fp16": False,
        "use_cpu": model.device.type == "cpu",
        "dataloader_pin_memory": model.device.type == "cuda",
        "include_num_input_tokens_seen": "non_padding",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "eval_strategy": "no",
        "report_to": "none",
        "push_to_hub": False,
        "disable_tqdm": True,
        "remove_unused_columns": False,
    }
    return kind(**{**given, **more})
