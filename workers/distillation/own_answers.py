"""Distillation on answers that the student writes during the training.

TRL's `DistillationTrainer` does the same, but renders prompts itself, needs heads of equal size, and passes adapters on
the head and prompt learning by. Here the prompts are those of chat, the whole adapted model computes, and a killed
training goes on with the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback

from templates.own_answers import OwnAnswersParams
from workers import sharing
from workers.distillation import prompts
from workers.distillation.divergences import BETWEEN
from workers.distillation.prompts import Prompt, Shown
from workers.evaluation.generation import Interrupted, answers
from workers.evaluation.losses import Floats
from workers.evaluation.measures import RowValues
from workers.evaluation.predictions import forward_arguments
from workers.training import batches
from workers.training.batches import IGNORED, Example, Schedule
from workers.training.setups import NAMED_ROWS, TrainingData, TrainingSetup, training_arguments

ON_THE_CHART = 32
"""Held-out prompts that the student answers for a point of the live chart."""
IN_THE_VERDICT = 128
"""Held-out prompts that base and result answer for the distance in the verdict."""
TaughtBy = Callable[[PreTrainedModel], AbstractContextManager[PreTrainedModel]]
"""Takes the student; inside, gives the model that teaches."""


@dataclass(frozen=True)
class Written:
    """The student's answers to some prompts; both examples of an answer have the same learned tokens."""

    of_student: Sequence[Example]
    of_teacher: Sequence[Example]
    places: Sequence[int]
    """The place of each among the prompts."""
    lengths: Sequence[int]
    """Of all answers, in tokens, also of those that are left out."""
    n_cut_off: int


@dataclass(frozen=True)
class Teaching:
    """How answers are written and compared."""

    params: OwnAnswersParams
    taught_by: TaughtBy
    vocab_size: int | None
    """Tokens that both heads have; None: all."""
    eos_ids: Sequence[int]

    def written(
        self, model: PreTrainedModel, asked: Sequence[Prompt], stopped: Callable[[], bool], *, greedy: bool = False
    ) -> Written:
        """Let the student answer, at the temperature or greedily."""
        found = answers(
            model,
            [prompt.ids for prompt in asked],
            eos_ids=self.eos_ids,
            max_new_tokens=self.params.max_completion_length,
            sampling=None if greedy else {"temperature": self.params.temperature, "top_k": 0, "top_p": 1.0},
            stopped=stopped,
        )
        kept = [
            place
            for place, one in enumerate(found)
            if (one.ended or one.ids) and (one.ended or not self.params.mask_truncated_completions)
        ]
        said = [(*found[place].ids, *([end] if (end := found[place].end) is not None else [])) for place in kept]
        return Written(
            [_example(asked[place].ids, ids) for place, ids in zip(kept, said, strict=True)],
            [_example(asked[place].shown, ids) for place, ids in zip(kept, said, strict=True)],
            kept,
            [len(one.ids) for one in found],
            sum(not one.ended for one in found),
        )

    def distances(self, model: PreTrainedModel, written: Written) -> Tensor:
        """The divergence at each token of all answers, `(tokens,)`; gradients reach the student only."""
        log_q = self._log_probabilities(model, written.of_student)
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), self.taught_by(model) as teacher:
                log_p = self._log_probabilities(teacher, written.of_teacher)
        finally:
            model.train(was_training)
        return BETWEEN[self.params.divergence](log_p.to(log_q.device), log_q, self.params)

    def next_token_loss(self, model: PreTrainedModel, examples: Sequence[Example]) -> Tensor:
        """The mean over the learned tokens of these examples, as in supervised fine-tuning."""
        return torch.nn.functional.cross_entropy(*self._predicted(model, examples))

    def _log_probabilities(self, model: PreTrainedModel, examples: Sequence[Example]) -> Tensor:
        """Of every token at each learned place, `(tokens, vocabulary)`, row by row."""
        logits, _ = self._predicted(model, examples)
        return (logits / self.params.temperature).log_softmax(-1)

    def _predicted(self, model: PreTrainedModel, examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """The logits at each learned place, `(tokens, vocabulary)`, row by row, and the tokens there."""
        takes = forward_arguments(model)
        on_the_right = not sharing.may_share(model)
        batch = batches.padded(
            examples, self.eos_ids[0], answers_only="logits_to_keep" in takes, on_the_right=on_the_right
        )
        labels = batch.pop("labels")[:, 1:].to(model.device)
        learned = labels != IGNORED
        given = {
            name: value.to(model.device) if isinstance(value, Tensor) else value
            for name, value in batch.items()
            if name in takes
        }
        logits = model(**given).logits[:, :-1, : self.vocab_size]
        learned = learned.to(logits.device)
        return logits[learned].float(), labels.to(logits.device)[learned]


def _example(prompt: Sequence[int], said: Sequence[int]) -> Example:
    return Example([*prompt, *said], [False] * len(prompt) + [True] * len(said))


def set_up(
    data: TrainingData,
    taught_by: TaughtBy,
    *,
    shown: Shown | None = None,
    vocab_size: int | None = None,
) -> TrainingSetup:
    """The setup for a teacher, who reads what `shown` makes of a row's turns and answer, or the same as the student."""
    params = data.params
    assert isinstance(params, OwnAnswersParams)
    teaching = Teaching(params, taught_by, vocab_size, data.renderer.eos_ids)
    train, refused = prompts.of_rows(data, data.train, shown)
    held_out, _ = prompts.of_rows(data, data.held_out, shown)
    selection, _ = prompts.of_rows(data, data.selection, shown)
    prompts.refuse_nothing(data, train)
    schedule = Schedule(train, params)

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model)
        made = OnPolicyTrainer(teaching, model=model, args=args, train_dataset=schedule, data_collator=collate)
        made.remove_callback(PrinterCallback)
        return made

    def measure_rows(model: PreTrainedModel, stopped: Callable[[], bool]) -> RowValues:
        return {"teacher_distance": _of_rows(teaching, model, held_out, len(data.held_out), stopped)}

    remarks = {"rows_refused": {"count": len(refused), "of": len(data.train), "rows": refused[:NAMED_ROWS]}}
    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=mean_distance(teaching, _spaced(held_out, ON_THE_CHART)),
        selection_loss=mean_distance(teaching, selection),
        remarks=remarks if refused else {},
        measure_rows=measure_rows if held_out else None,
    )


def _spaced(asked: Sequence[Prompt], most: int) -> Sequence[Prompt]:
    return asked[:: max(1, -(-len(asked) // most))]


def mean_distance(
    teaching: Teaching, asked: Sequence[Prompt]
) -> Callable[[PreTrainedModel, Callable[[], bool]], float] | None:
    """Measures the mean distance on greedy answers to these prompts; None without any."""
    if not asked:
        return None

    def measure(model: PreTrainedModel, stopped: Callable[[], bool]) -> float:
        sums, n_tokens = _summed(teaching, model, asked, stopped)
        return float(np.nansum(sums) / max(1, n_tokens.sum()))

    return measure


def _of_rows(
    teaching: Teaching, model: PreTrainedModel, held_out: Sequence[Prompt], n_rows: int, stopped: Callable[[], bool]
) -> Floats:
    """Nats per token on the greedy answer to each row's prompt, `(n_rows,)`; NaN where none was measured."""
    asked, found = _spaced(held_out, IN_THE_VERDICT), np.full(n_rows, np.nan)
    sums, n_tokens = _summed(teaching, model, asked, stopped)
    for prompt, total, count in zip(asked, sums, n_tokens, strict=True):
        if count:
            found[prompt.row] = total / count
    return found


@torch.no_grad()
def _summed(
    teaching: Teaching, model: PreTrainedModel, asked: Sequence[Prompt], stopped: Callable[[], bool]
) -> tuple[Floats, Floats]:
    """The distance summed over each greedy answer, and its number of tokens: both `(prompts,)`, 0 if left out."""
    sums, n_tokens = np.zeros(len(asked)), np.zeros(len(asked))
    written = teaching.written(model, asked, stopped, greedy=True)
    size, was_training = teaching.params.per_device_train_batch_size, model.training
    model.eval()
    try:
        for start in range(0, len(written.places), size):
            if stopped():
                raise Interrupted
            part = slice(start, start + size)
            places = written.places[part]
            some = Written(written.of_student[part], written.of_teacher[part], places, (), 0)
            counts = [example.n_trained for example in some.of_student]
            found = torch.split(teaching.distances(model, some).double(), counts)
            for place, count, one in zip(places, counts, found, strict=True):
                sums[place], n_tokens[place] = float(one.sum()), count
    finally:
        model.train(was_training)
    return sums, n_tokens


def collate(items: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """A micro-batch of the schedule; the ids are for counting tokens."""
    asked = items[0]
    lengths = torch.tensor([len(prompt.ids) for prompt in asked])
    mask = torch.arange(int(lengths.max()))[None] < lengths[:, None]
    return {"prompts": asked, "input_ids": mask.long(), "attention_mask": mask.long()}


class OnPolicyTrainer(Trainer):  # type: ignore[misc]
    """In every step the student answers the prompts, and is brought near its teacher at each token of the answers."""

    def __init__(self, teaching: Teaching, **options: Any):
        super().__init__(**options)
        self.teaching = teaching
        self._seen: dict[str, list[float]] = {"completions/mean_length": [], "completions/clipped_ratio": []}

    def compute_loss(
        self, model: PreTrainedModel, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Tensor:
        """The mean over the learned tokens of a step; 0 if every answer was left out."""
        if return_outputs:
            raise ValueError("held-out losses are measured by the callback")
        asked: Sequence[Prompt] = inputs["prompts"]
        written = self.teaching.written(model, asked, lambda: False)
        self.state.num_input_tokens_seen += sum(written.lengths)
        self._seen["completions/mean_length"].append(sum(written.lengths) / len(asked))
        self._seen["completions/clipped_ratio"].append(written.n_cut_off / len(asked))
        if not written.places:
            return torch.stack([p.sum() * 0.0 for p in model.parameters() if p.requires_grad]).sum()
        return self.teaching.distances(model, written).mean()

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add what was seen of the answers since the last time."""
        for name, values in self._seen.items():
            if values:
                logs[name] = sum(values) / len(values)
                values.clear()
        super().log(logs, start_time)
