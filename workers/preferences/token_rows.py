"""Judged answers as TRL's trainers read them: padded token ids, and which tokens are learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from storage.rendering.rendered_rows import Views, rendered
from storage.rendering.renderer import Renderer
from workers.training.batches import Example, Examples, Pair


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer as the model sees it, and whether it is good."""

    row: int
    """Index of its row: the two answers of a pair have the same one."""
    example: Example
    wanted: bool

    @property
    def ids(self) -> Sequence[int]:
        """Its tokens."""
        return self.example.ids


def render_judged(
    renderer: Renderer, shape: str, rows: Sequence[Mapping[str, Any]], views: Views, *, max_length: int
) -> Examples[Judged]:
    """Like `batches.render_pairs`, with every answer by itself."""
    made = Examples[Judged]()
    found = rendered(renderer, shape, rows, max_length=max_length, trains_prompt=False, views=views)
    for index, (given, row) in enumerate(zip(rows, found, strict=True)):
        if row.refusal is None:
            for view, example in zip(views(given), row.examples, strict=True):
                answer = Example(example.ids, example.trained)
                made.kept.append(Judged(index, answer, view.wanted))
                made.rows.append(index)
        else:
            made.refused.append(row.number)
        if any(example.n_cut for example in row.examples):
            made.cut.append(row.number)
    return made


def padded(examples: Sequence[Example], pad_id: int) -> dict[str, torch.Tensor]:
    """Tensors `(rows, longest)`, padded on the right, as TRL's collators for preferences make them."""
    shape = len(examples), max(len(example.ids) for example in examples)
    ids = torch.full(shape, pad_id, dtype=torch.long)
    mask, learned = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for row, example in enumerate(examples):
        n_tokens = len(example.ids)
        ids[row, :n_tokens], mask[row, :n_tokens] = torch.tensor(example.ids), 1
        learned[row, :n_tokens] = torch.tensor(example.trained, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": mask, "completion_mask": learned}


def padded_pairs(pairs: Sequence[Pair], pad_id: int) -> dict[str, torch.Tensor]:
    """All chosen answers, then all rejected ones."""
    return padded([*(pair.chosen for pair in pairs), *(pair.rejected for pair in pairs)], pad_id)


def padded_judged(
    answers: Sequence[Judged], everything: Sequence[Judged], pad_id: int, max_length: int
) -> dict[str, torch.Tensor]:
    """Judged answers, and each prompt with an answer to another prompt, under names that begin with `KL_`."""
    others = _of_others(answers, everything)
    mismatched = [
        _with_answer(one.example, other.example, max_length) for one, other in zip(answers, others, strict=True)
    ]
    return {
        **padded([one.example for one in answers], pad_id),
        **{f"KL_{name}": tensor for name, tensor in padded(mismatched, pad_id).items()},
        "label": torch.tensor([one.wanted for one in answers]),
    }


def _of_others(answers: Sequence[Judged], everything: Sequence[Judged]) -> list[Judged]:
    """For each answer one that belongs to another row: the batch's own answers, moved on by as little as possible.

    TRL moves them on by one, which would give a pair's prompt its own other answer.
    """
    n = len(answers)
    for by in range(1, n):
        moved = [answers[(place - by) % n] for place in range(n)]
        if all(one.row != other.row for one, other in zip(answers, moved, strict=True)):
            return moved
    return [next((other for other in everything if other.row != one.row), one) for one in answers]


def _with_answer(asked: Example, answered: Example, max_length: int) -> Example:
    """The prompt of one example with the answer of another."""
    prompt, answer = asked.ids[: asked.first_trained], answered.ids[answered.first_trained :]
    room = max_length - len(prompt)
    ids = [*prompt, *answer[:room]]
    learned = [False] * len(prompt) + list(answered.trained[answered.first_trained :][:room])
    return Example(ids, learned)
