"""Repair: the result answers prompts and learns what the base at the root would have said; rows of its task beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel, Trainer
from transformers.trainer_callback import PrinterCallback

from templates import mix
from templates.mix import Portion
from templates.objectives.repair import RepairParams
from workers.distillation import own_answers, prompts
from workers.distillation.own_answers import OnPolicyTrainer, Teaching
from workers.distillation.prompts import Prompt
from workers.training import batches
from workers.training.batches import Deck, Example, Schedule
from workers.training.mixing import DatasetRows
from workers.training.setups import NAMED_ROWS, TrainingData, TrainingSetup, training_arguments

Item = Prompt | Example


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no prompt leaves room for an answer."""
    params, root = data.params, data.root
    assert isinstance(params, RepairParams)
    assert root
    teaching = Teaching(params, root.behind, None, data.renderer.eos_ids)
    asked = [_asked(data, one) for one in data.datasets if one.replayed]
    task = [_rendered(data, one) for one in data.datasets if not one.replayed]
    given = [row for one in data.datasets if one.replayed for row in one.train]
    prompts.refuse_nothing(replace(data, train=given), [one for found, _ in asked for one in found])
    counts = mix.counts([*(len(one.kept) for one in task), *(len(found) for found, _ in asked)], len(task), data.mix)
    learned, apart = _divided([found for found, _ in asked], counts[len(task) :], params.seed)
    items: list[Item] = [*(example for one in task for example in one.kept), *(one for part in learned for one in part)]
    decks = [Deck(len(one.kept), count) for one, count in zip(task, counts, strict=False)]
    schedule = Schedule[Item](items, params, [*decks, *(Deck(len(part), len(part)) for part in learned)])

    def trainer(model: PreTrainedModel, folder: Path) -> Trainer:
        args = training_arguments(params, folder, schedule.n_updates, model)
        made = RepairTrainer(teaching, model=model, args=args, train_dataset=schedule, data_collator=_collate)
        made.remove_callback(PrinterCallback)
        return made

    distance = own_answers.mean_distance(teaching, apart)
    said = mix.sentences(_portions(data, [len(one.kept) for one in task] + [len(found) for found, _ in asked], counts))
    return TrainingSetup(
        n_updates=schedule.n_updates,
        trainer=trainer,
        held_out_loss=distance,
        selection_loss=distance,
        chosen_on=f"{len(apart):,} prompts",
        remarks=_remarks(data, [*(one.refused for one in task), *(refused for _, refused in asked)]),
        remarks_on=lambda _model, _stopped: said,
    )


def _asked(data: TrainingData, one: DatasetRows) -> tuple[list[Prompt], list[int]]:
    """The prompts of one dataset, and the numbers of the rows that have none."""
    its_own = replace(data, shape=one.shape, renderer=one.renderer)
    return prompts.of_rows(its_own, one.train, None)


def _rendered(data: TrainingData, one: DatasetRows) -> batches.Examples[Example]:
    return batches.render(one.renderer, one.shape, one.train, max_length=data.params.max_length, trains_prompt=False)


def _divided(
    asked: Sequence[Sequence[Prompt]], counts: Sequence[int], seed: int
) -> tuple[list[list[Prompt]], list[Prompt]]:
    """The prompts to learn from, by dataset, and those set apart; the seed decides which."""
    learned, apart = list[list[Prompt]](), list[Prompt]()
    for place, (found, count) in enumerate(zip(asked, counts, strict=True)):
        order = np.random.default_rng([seed, place]).permutation(len(found)).tolist()
        learned.append([found[i] for i in sorted(order[:count])])
        apart += [found[i] for i in sorted(order[count:])]
    return learned, apart


def _portions(data: TrainingData, sizes: Sequence[int], counts: Sequence[int]) -> list[Portion]:
    return [
        Portion(
            name=one.name,
            replayed=one.replayed,
            prompts=one.replayed,
            n_rows=size,
            per_pass=count,
            n_tokens=0,
            left_out=one.left_out,
        )
        for one, size, count in zip(data.datasets, sizes, counts, strict=True)
    ]


def _remarks(data: TrainingData, refused: Sequence[Sequence[int]]) -> Mapping[str, Mapping[str, Any]]:
    """Rows that can't be learned or answered, under the names of their datasets."""
    n_refused, n_rows = sum(map(len, refused)), sum(len(one.train) for one in data.datasets)
    by_name = {one.name: list(rows[:NAMED_ROWS]) for one, rows in zip(data.datasets, refused, strict=True)}
    return {"rows_refused": {"count": n_refused, "of": n_rows, "rows": by_name}} if n_refused else {}


def _collate(items: Sequence[Sequence[Item]]) -> dict[str, Any]:
    """A micro-batch; the ids are for counting tokens."""
    batch = own_answers.collate([items[0]])
    asked = [one for one in items[0] if isinstance(one, Prompt)]
    return {**batch, "prompts": asked, "task": [one for one in items[0] if isinstance(one, Example)]}


class RepairTrainer(OnPolicyTrainer):
    """A step brings the answers to some prompts near the base, and learns some rows of the task."""

    def compute_loss(
        self, model: PreTrainedModel, inputs: dict[str, Any], return_outputs: bool = False, **_: Any
    ) -> Tensor:
        """The mean of both losses, weighted by their numbers of rows."""
        asked, task = inputs["prompts"], inputs["task"]
        parts = list[Tensor]()
        if asked:
            parts.append(len(asked) * super().compute_loss(model, {"prompts": asked}, return_outputs))
        if task:
            parts.append(len(task) * self._task_loss(model, task))
        return torch.stack(parts).sum() / (len(asked) + len(task))

    def _task_loss(self, model: PreTrainedModel, task: Sequence[Example]) -> Tensor:
        """The next-token loss of the learned tokens."""
        self.state.num_input_tokens_seen += sum(len(one.ids) for one in task)
        return self.teaching.next_token_loss(model, task)
