"""Token rows and their order in a run.

The seed alone determines the order of the whole run, so a resumed run sees exactly the rows that the
interrupted one had not seen. Rows of one batch have similar lengths; otherwise padding would be half
of the work on short rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch.utils.data import Dataset

from storage.rendering.rendered_rows import Views, rendered
from storage.rendering.renderer import Renderer
from templates.spec import TrainingParams

IGNORED = -100
"""Label of a token that is read but not learned (torch's own default)."""
BATCHES_SORTED_TOGETHER = 16
"""Number of batches whose rows are sorted by length together: more saves padding but shuffles less."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row as the model sees it; `trained[i]` says whether token `i` is learned."""

    ids: Sequence[int]
    trained: Sequence[bool]

    @property
    def n_trained(self) -> int:
        """Number of learned tokens; the first token doesn't count, as it has no context."""
        return sum(self.trained[1:])

    @property
    def first_trained(self) -> int:
        """Index of the first learned token."""
        return next(place for place, learned in enumerate(self.trained) if learned and place > 0)


class ReplayedExample(Example):
    """One that is only learned to keep what the model knew."""

    __slots__ = ()


class Measured(Protocol):
    """An item that can be sorted by length."""

    @property
    def ids(self) -> Sequence[int]:
        """Number of tokens; with several sequences, of the longest."""


Item = TypeVar("Item", bound=Measured)


@dataclass(frozen=True, slots=True)
class Pair:
    """A row with two answers, each as the model sees it."""

    number: int
    """Index among the pairs."""
    chosen: Example
    rejected: Example

    @property
    def ids(self) -> Sequence[int]:
        """Number of tokens of the longer side."""
        return max(self.chosen.ids, self.rejected.ids, key=len)


@dataclass
class Examples(Generic[Item]):
    """The result of rendering rows."""

    kept: list[Item] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """The index of each kept item's row among the rows given."""
    refused: list[int] = field(default_factory=list)
    """Source rows without any token to learn, or refused by the chat template."""
    cut: list[int] = field(default_factory=list)
    """Source rows that were longer than `max_length`."""


def render(
    renderer: Renderer, shape: str, rows: Sequence[Mapping[str, Any]], *, max_length: int, trains_prompt: bool
) -> Examples[Example]:
    """Render rows exactly as in the preview: cut at `max_length`, long plain texts in consecutive pieces."""
    made = Examples[Example]()
    found = rendered(renderer, shape, rows, max_length=max_length, trains_prompt=trains_prompt)
    for index, row in enumerate(found):
        if row.refusal is None:
            made.kept += [Example(example.ids, example.trained) for example in row.examples]
            made.rows += [index] * len(row.examples)
        else:
            made.refused.append(row.number)
        if any(example.n_cut for example in row.examples):
            made.cut.append(row.number)
    return made


def render_pairs(
    renderer: Renderer, shape: str, rows: Sequence[Mapping[str, Any]], views: Views, *, max_length: int
) -> Examples[Pair]:
    """Like `render`, for rows with a better and a worse side."""
    made = Examples[Pair]()
    found = rendered(renderer, shape, rows, max_length=max_length, trains_prompt=False, views=views)
    for index, row in enumerate(found):
        if row.refusal is None:
            chosen, rejected = (Example(example.ids, example.trained) for example in row.examples)
            made.kept.append(Pair(len(made.kept), chosen, rejected))
            made.rows.append(index)
        else:
            made.refused.append(row.number)
        if any(example.n_cut for example in row.examples):
            made.cut.append(row.number)
    return made


@dataclass(frozen=True)
class Deck:
    """Examples that are dealt like cards: none comes up again before all others of the deck have."""

    size: int
    per_epoch: int
    """How many are dealt in one epoch."""

    def dealt(self, epoch: int, seed: Sequence[int]) -> list[int]:
        """Those of this epoch; what an earlier one left in the deck comes first."""
        if not self.size or not self.per_epoch:
            return []
        first, end = epoch * self.per_epoch, (epoch + 1) * self.per_epoch
        rounds = range(first // self.size, -(-end // self.size))
        shuffled = [np.random.default_rng([*seed, which]).permutation(self.size) for which in rounds]
        skipped = first - rounds[0] * self.size
        found: list[int] = np.concatenate(shuffled)[skipped : skipped + self.per_epoch].tolist()
        return found


class Schedule(Dataset[list[Item]]):
    """The micro-batches of a whole run, in order, over as many epochs as necessary.

    With `decks`, which cover the examples in their order, an epoch holds what each of them deals.
    """

    def __init__(self, examples: Sequence[Item], params: TrainingParams, decks: Sequence[Deck] = ()):
        self._examples = examples
        self._decks = decks
        self._size = params.per_device_train_batch_size
        self._seed = params.seed
        n_taken = sum(deck.per_epoch for deck in decks) if decks else len(examples)
        self.per_epoch = math.ceil(n_taken / self._size)
        if params.max_steps > 0:
            self._total = params.max_steps * params.gradient_accumulation_steps
        else:
            self._total = max(1, math.ceil(params.num_train_epochs * self.per_epoch))
        self.n_updates = math.ceil(self._total / params.gradient_accumulation_steps)
        self._epoch, self._order = -1, [[0]]

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, index: int) -> list[Item]:
        epoch, place = divmod(index, self.per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._arranged(epoch)
        return [self._examples[row] for row in self._order[place]]

    def _arranged(self, epoch: int) -> list[list[int]]:
        generator = np.random.default_rng([self._seed, epoch])
        taken = self._dealt(epoch) if self._decks else len(self._examples)
        rows = generator.permutation(taken).tolist()
        window = self._size * BATCHES_SORTED_TOGETHER
        batches = []
        for start in range(0, len(rows), window):
            near = sorted(rows[start : start + window], key=self._length)
            batches += [near[i : i + self._size] for i in range(0, len(near), self._size)]
        arranged = [batches[i] for i in generator.permutation(len(batches))]
        if epoch == 0:  # the largest batch first, so that a lack of memory shows at once
            largest = max(range(len(arranged)), key=lambda i: len(arranged[i]) * self._length(arranged[i][-1]))
            arranged[0], arranged[largest] = arranged[largest], arranged[0]
        return arranged

    def _dealt(self, epoch: int) -> list[int]:
        starts = accumulate((deck.size for deck in self._decks), initial=0)
        return [
            start + card
            for place, (deck, start) in enumerate(zip(self._decks, starts, strict=False))
            for card in deck.dealt(epoch, [self._seed, place])
        ]

    def _length(self, row: int) -> int:
        return len(self._examples[row].ids)


def padded(
    examples: Sequence[Example], pad_id: int = 0, *, answers_only: bool = False, on_the_right: bool = False
) -> dict[str, Any]:
    """One micro-batch: tensors `(rows, longest)`, padded on the left unless told otherwise.

    With `answers_only` the model computes logits only from the first learned token on, and `labels` are
    equally short: prompts need no logits, which are the largest tensor with a vocabulary of 150,000.
    """
    longest = max(len(example.ids) for example in examples)
    ids = torch.full((len(examples), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(examples), longest), dtype=torch.long)
    labels = torch.full((len(examples), longest), IGNORED, dtype=torch.long)
    starts = [0 if on_the_right else longest - len(example.ids) for example in examples]
    for index, (example, start) in enumerate(zip(examples, starts, strict=True)):
        tokens = torch.tensor(example.ids, dtype=torch.long)
        learned = torch.tensor(example.trained, dtype=torch.bool)
        end = start + len(tokens)
        ids[index, start:end], mask[index, start:end] = tokens, 1
        labels[index, start:end][learned] = tokens[learned]
        labels[index, start] = IGNORED
    batch: dict[str, Any] = {
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": (mask.cumsum(1) - 1).clamp(min=0),
        "labels": labels,
    }
    if answers_only:
        first = min(start + example.first_trained for example, start in zip(examples, starts, strict=True))
        keep = 1 + longest - first
        batch.update(labels=labels[:, -keep:], logits_to_keep=keep)
    return batch


def collator(
    pad_id: int, takes: frozenset[str], *, on_the_right: bool = False
) -> Callable[[Sequence[Sequence[Example]]], dict[str, Any]]:
    """Collator for a `Trainer` whose dataset is a `Schedule`: each item is a whole micro-batch.

    `takes` are the arguments that the model's `forward` has.
    """

    def collate(items: Sequence[Sequence[Example]]) -> dict[str, Any]:
        batch = padded(items[0], pad_id, answers_only="logits_to_keep" in takes, on_the_right=on_the_right)
        return {name: value for name, value in batch.items() if name in takes}

    return collate
