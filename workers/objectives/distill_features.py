"""Distillation of a teacher's hidden states or attention relations, then of its probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback

from templates.objectives.distill_features import DistillFeaturesParams
from workers import sharing
from workers.distillation import features
from workers.distillation.written_answers import with_rows
from workers.evaluation.generation import Interrupted
from workers.evaluation.predictions import forward_arguments
from workers.training import batches
from workers.training.batches import IGNORED, Example
from workers.training.setups import (
    Teacher,
    TrainingData,
    TrainingSetup,
    refuse_nothing,
    remarks,
    sampled,
    training_arguments,
)

__all__ = ["set_up", "with_rows"]

MATRICES = "feature_matrices.safetensors"
"""In a checkpoint: the matrices between the widths, which are not part of the model."""
ON_THE_CHART = 64


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if there is nothing to learn."""
    params, teacher = data.params, data.teacher
    assert isinstance(params, DistillFeaturesParams)
    assert teacher
    train, selection, held_out = (
        batches.render(data.renderer, data.shape, rows, max_length=params.max_length, trains_prompt=False)
        for rows in (data.train, data.selection, data.held_out)
    )
    refuse_nothing(data, train)
    schedule = batches.Schedule(train.kept, params)
    pad_id = data.renderer.eos_ids[0]

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model)
        collate = _collator(model, teacher.model(), pad_id)
        made = _Trainer(params, teacher, model=model, args=args, train_dataset=schedule, data_collator=collate)
        made.remove_callback(PrinterCallback)
        return made

    def mean_loss(
        examples: Sequence[Example],
    ) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
        return _mean_distance(params, teacher, examples, pad_id) if examples else None

    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_loss(sampled(held_out.kept)[:ON_THE_CHART]),
        selection_loss=mean_loss(selection.kept),
        remarks=remarks(data, train, held_out),
    )


class _Trainer(Trainer):  # type: ignore[misc]
    """First the features, then the teacher's probabilities at the learned tokens."""

    def __init__(self, params: DistillFeaturesParams, teacher: Teacher, **options: Any):
        super().__init__(**options)
        self._params, self._teacher, self._vocab_size = params, teacher, teacher.vocab_size
        self._n_heads = params.relation_heads or int(self.model.config.get_text_config().num_attention_heads)
        self._matrices = features.matrices(self.model, teacher.model())
        self._seen: list[float] = []

    @property
    def _learns_features(self) -> bool:
        return bool(self.state.global_step < self._params.feature_share * self.state.max_steps)

    def create_optimizer(self, *given: Any, **named: Any) -> Any:
        """Of the model and the matrices between the widths."""
        if self.optimizer is not None:
            return self.optimizer
        made: Any = super().create_optimizer(*given, **named)
        group = {"params": list(self._matrices.parameters()), "weight_decay": 0.0, "lr": self.args.learning_rate}
        made.add_param_group(group)
        # the Trainer empties the model's gradients only
        made.register_step_post_hook(lambda *_: self._matrices.zero_grad())
        return made

    def compute_loss(
        self, model: PreTrainedModel, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Tensor:
        """The mean over a step's tokens: of all for features, of the learned ones for probabilities."""
        if return_outputs:
            raise ValueError("held-out losses are measured by the callback")
        if not self._learns_features:
            return _distances(model, self._teacher.model(), inputs, self._params, self._vocab_size).mean()
        given = {name: value for name, value in inputs.items() if name != "labels"}
        loss = (
            self._of_states(model, given) if self._params.features == "hidden_states" else self._related(model, given)
        )
        self._seen.append(float(loss.detach()))
        return loss

    def _of_states(self, model: PreTrainedModel, given: dict[str, Any]) -> Tensor:
        one = {**given, "logits_to_keep": 1} if "logits_to_keep" in given else given  # logits are not needed
        states = model(**one, output_hidden_states=True).hidden_states
        with torch.no_grad():
            targets = self._teacher.model()(**one, output_hidden_states=True).hidden_states
        return features.of_states(states, targets, self._matrices, given["attention_mask"])

    def _related(self, model: PreTrainedModel, given: dict[str, Any]) -> Tensor:
        one = {**given, "logits_to_keep": 1} if "logits_to_keep" in given else given
        with features.projected(model) as ours:
            model(**one)
        with torch.no_grad(), features.projected(self._teacher.model()) as theirs:
            self._teacher.model()(**one)
        return features.of_relations(ours, theirs, self._n_heads, given["attention_mask"])

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the distance of the features since the last time."""
        if self._seen:
            logs["feature_distance"] = sum(self._seen) / len(self._seen)
            self._seen.clear()
        super().log(logs, start_time)

    def _save_checkpoint(self, model: PreTrainedModel, trial: Any) -> None:
        folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self._matrices.state_dict(), folder / MATRICES)  # before the checkpoint is sealed
        super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self._matrices.load_state_dict(load_file(Path(resume_from_checkpoint) / MATRICES))


def _collator(
    model: PreTrainedModel, teacher: PreTrainedModel, pad_id: int
) -> Callable[[Sequence[Sequence[Example]]], dict[str, Any]]:
    """As for next-token loss, with the arguments that both models take."""
    takes = forward_arguments(model) & forward_arguments(teacher)
    return batches.collator(pad_id, takes | {"labels"}, on_the_right=not _share(model, teacher))


def _share(model: PreTrainedModel, teacher: PreTrainedModel) -> bool:
    return sharing.may_share(model) and sharing.may_share(teacher)


def _distances(
    model: PreTrainedModel,
    teacher: PreTrainedModel,
    inputs: dict[str, Any],
    params: DistillFeaturesParams,
    vocab_size: int,
) -> Tensor:
    """KL(p ‖ q) × temperature² at each learned token, `(tokens,)`."""
    learned = inputs["labels"][:, 1:] != IGNORED
    given = {name: value for name, value in inputs.items() if name != "labels"}
    log_q = _log_probabilities(model, given, learned, params.temperature, vocab_size)
    with torch.no_grad():
        log_p = _log_probabilities(teacher, given, learned, params.temperature, vocab_size)
    return params.temperature**2 * (log_p.exp() * (log_p - log_q)).sum(-1)


def _log_probabilities(
    model: PreTrainedModel, given: dict[str, Any], learned: Tensor, temperature: float, vocab_size: int
) -> Tensor:
    logits = model(**given).logits[:, :-1, :vocab_size]
    found: Tensor = (logits[learned].float() / temperature).log_softmax(-1)
    return found


def _mean_distance(
    params: DistillFeaturesParams, teacher: Teacher, examples: Sequence[Example], pad_id: int
) -> Callable[[PreTrainedModel, Callable[[], bool]], float]:
    """Measures the mean distance of the probabilities on these examples."""

    @torch.no_grad()
    def measure(model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
        collate, size = _collator(model, teacher.model(), pad_id), params.per_device_train_batch_size
        total, n_tokens = 0.0, 0
        for start in range(0, len(examples), size):
            if stopped():
                raise Interrupted
            batch = collate([examples[start : start + size]])
            inputs = {k: v.to(model.device) if isinstance(v, Tensor) else v for k, v in batch.items()}
            found = _distances(model, teacher.model(), inputs, params, teacher.vocab_size)
            total, n_tokens = total + float(found.sum()), n_tokens + len(found)
        return total / max(1, n_tokens)

    return measure
