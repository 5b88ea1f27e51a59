"""Pretraining: next-token loss on large corpora, Muon, and logits only for learned tokens."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.func import functional_call
from torch.nn import functional
from transformers import PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback

from storage.data import splits
from templates.errors import BadInput, Problem, StudioError
from templates.objectives.pretrain import PretrainParams
from workers import models, precision
from workers.training import corpora, optimizers
from workers.training.batches import IGNORED
from workers.training.setups import TrainingData, TrainingSetup, mean_loss, training_arguments

HELD_OUT_PIECES = 128
"""Pieces behind the live chart; the verdict uses all."""
SAME_LOGITS = 0.05
"""Largest deviation of bfloat16 logits from the model's own, as a share of their spread."""


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if there is no text to learn."""
    params = data.params
    assert isinstance(params, PretrainParams)
    if params.torch_compile and not (shutil.which("g++") or shutil.which("clang++")):
        raise StudioError(
            "The worker's machine has no C++ compiler to compile the model with.",
            code="no_compiler",
            remedy="Install g++, or switch torch_compile off.",
        )
    remarks: dict[str, dict[str, Any]] = {}
    if params.bf16 and not precision.multiplies_bfloat16(models.device()):
        params = params.model_copy(update={"bf16": False})
        remarks["computed_in_32_bits"] = {"why": "this processor has no bfloat16 instructions"}
    train, held_out, selection = (
        corpora.read(data.renderer, (row["text"] for row in rows), max_length=params.max_length)
        for rows in (data.train, data.held_out, data.selection)
    )
    if not len(train) or int(train.lengths.max()) < 2:
        problem = Problem(
            "No text has two tokens in a row, so there is nothing to learn.", field="text", remedy="Add longer texts."
        )
        raise BadInput(problem, code="nothing_to_learn")
    schedule = corpora.Schedule(train, params)
    collate = corpora.Collator(train, params, data.renderer.eos_ids[0])
    pieces = _pieces(held_out, HELD_OUT_PIECES)

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model)
        if params.lr_scheduler_type == "warmup_stable_decay":
            n_decay = round(params.decay_share * schedule.n_updates)
            args.lr_scheduler_kwargs = {"num_decay_steps": n_decay, "decay_type": "linear", "min_lr_ratio": 0.03}
        made = _Trainer(params, model=model, args=args, train_dataset=schedule, data_collator=collate)
        made.remove_callback(PrinterCallback)
        return made

    if len(pieces) < len(held_out):
        remarks["held_out_sample"] = {"count": len(pieces), "of": len(held_out)}
    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_loss(pieces),
        selection_loss=mean_loss(_pieces(selection, splits.MOST_SELECTED)),
        remarks=remarks,
    )


def _pieces(corpus: corpora.Corpus, most: int) -> list[tuple[list[int], list[bool]]]:
    """About `most` evenly spaced pieces of the corpus, with every token learned."""
    sample = range(0, len(corpus), max(1, -(-len(corpus) // most)))
    found = (corpus.piece(i)[0].tolist() for i in sample if corpus.lengths[i] > 1)
    return [(ids, [True] * len(ids)) for ids in found]


class _Trainer(Trainer):  # type: ignore[misc]
    def __init__(self, params: PretrainParams, model: PreTrainedModel, **options: Any):
        super().__init__(model=model, **options)
        self._params = params
        self._hidden = _hidden_states(model, params)
        self._picks: bool | None = None
        self.model_accepts_loss_kwargs = True  # the loss below is a mean over all steps of an update

    def create_optimizer(self, model: PreTrainedModel | None = None) -> torch.optim.Optimizer:
        self.optimizer: torch.optim.Optimizer = optimizers.muon_adamw(
            model or self.model,
            lr=self._params.learning_rate,
            adam_lr=self._params.adam_learning_rate,
            weight_decay=self._params.weight_decay,
        )
        return self.optimizer

    def compute_loss(
        self,
        model: PreTrainedModel,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        if return_outputs:
            raise ValueError("held-out losses are measured by the callback")
        ids, labels = inputs["input_ids"], inputs["labels"][:, 1:]
        learned = labels != IGNORED
        if self._picks is None:
            self._picks = self._finds_the_same(model, ids)
        if self._picks:
            logits = _head(model, self._hidden(ids)[:, :-1][learned])
        else:
            logits = model(input_ids=ids, use_cache=False).logits[:, :-1][learned]
        total = functional.cross_entropy(logits.float(), labels[learned], reduction="sum")
        return total / (num_items_in_batch if num_items_in_batch is not None else learned.sum().clamp(min=1))

    @torch.no_grad()
    def _finds_the_same(self, model: PreTrainedModel, ids: torch.Tensor) -> bool:
        """Whether this architecture's logits are just the head applied to the last hidden states."""
        few = ids[:2, :32]
        own = model(input_ids=few, use_cache=False).logits.float()
        ours = _head(model, self._hidden(few)).float()
        return bool((own - ours).abs().max() <= SAME_LOGITS * own.std() + 1e-3)


def _hidden_states(model: PreTrainedModel, params: PretrainParams) -> Callable[[torch.Tensor], torch.Tensor]:
    """`(rows, time)` ids → `(rows, time, width)` states before the head, in bfloat16 if `params.bf16`."""
    core = model.get_decoder()

    def states(ids: torch.Tensor) -> torch.Tensor:
        given = {"input_ids": ids, "use_cache": False}
        if not params.bf16:
            found: torch.Tensor = core(**given).last_hidden_state
            return found
        weights = optimizers.cast(core.named_parameters(), torch.bfloat16)
        found = functional_call(core, weights, (), given).last_hidden_state
        return found

    return torch.compile(states, dynamic=True) if params.torch_compile else states


def _head(model: PreTrainedModel, states: torch.Tensor) -> torch.Tensor:
    head = model.get_output_embeddings()
    bias = getattr(head, "bias", None)
    return functional.linear(states, head.weight.to(states.dtype), None if bias is None else bias.to(states.dtype))
