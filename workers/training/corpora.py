"""Large corpora as compact token arrays, and their order in a run.

Tens of millions of tokens as Python lists would take gigabytes; here a token takes five bytes. Seed and
data alone determine the order, so a resumed run sees what the interrupted one had not seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from storage.rendering.renderer import Renderer
from templates.objectives.pretrain import PretrainParams
from workers.training.batches import IGNORED

WINDOW_ROWS = 1024
"""Number of rows sorted by length together; a curriculum otherwise keeps its order."""
PAD_TO = 8
"""Lengths are rounded up to this, so that a compiled model meets fewer shapes."""


@dataclass(frozen=True)
class Corpus:
    """All tokens of all pieces in a row; piece `i` is `starts[i]:starts[i + 1]`."""

    ids: npt.NDArray[np.int32]
    learned: npt.NDArray[np.bool_]
    """Tokens that are always learned; of the others, a share is."""
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of tokens of each piece."""
        return np.diff(self.starts)

    def piece(self, index: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
        """Its ids, and flags for those always learned; the first has no context to predict it from."""
        own = slice(int(self.starts[index]), int(self.starts[index + 1]))
        learned = self.learned[own].copy()
        learned[:1] = False
        return self.ids[own], learned


def read(renderer: Renderer, texts: Iterable[str], *, max_length: int) -> Corpus:
    """Tokenise; longer texts become consecutive pieces. In texts with chat markup only answers are `learned`."""
    ids: list[npt.NDArray[np.int32]] = []
    learned: list[npt.NDArray[np.bool_]] = []
    lengths = []
    for text in texts:
        for piece_ids, piece_learned in _pieces(renderer, text, max_length):
            ids.append(piece_ids)
            learned.append(piece_learned)
            lengths.append(len(piece_ids))
    starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    return Corpus(
        ids=np.concatenate(ids) if ids else np.zeros(0, np.int32),
        learned=np.concatenate(learned) if learned else np.zeros(0, np.bool_),
        starts=starts,
    )


def _pieces(
    renderer: Renderer, text: str, max_length: int
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]]:
    ids, answers = renderer.plain(text)
    learned = np.asarray(answers, np.bool_) if any(answers) else np.ones(len(ids), np.bool_)
    whole = np.asarray(ids, np.int32)
    # each piece after the first opens with the last token of the one before, as its context
    for start in range(0, max(1, len(ids) - 1), max_length - 1):
        yield whole[start : start + max_length], learned[start : start + max_length]


class Schedule(Dataset[list[int]]):
    """The micro-batches of a whole run, in order: each a list of pieces that fit `tokens_per_batch`."""

    def __init__(self, corpus: Corpus, params: PretrainParams):
        self._lengths, self._params = corpus.lengths, params
        self._ends: list[int] = []
        """Number of micro-batches up to the end of each epoch; it varies, as shuffled rows fill batches differently."""
        if params.max_steps > 0:
            self._total = params.max_steps * params.gradient_accumulation_steps
        else:
            share, whole = math.modf(params.num_train_epochs)
            before = self._end(int(whole) - 1)
            self._total = max(1, before + math.ceil(share * (self._end(int(whole)) - before)) if share else before)
        self.n_updates = math.ceil(self._total / params.gradient_accumulation_steps)
        self._epoch, self._order = -1, [[0]]

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, index: int) -> list[int]:
        """`index`, which seeds the share of prompt tokens, then the pieces of that micro-batch."""
        epoch = 0
        while index >= self._end(epoch):
            epoch += 1
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._arranged(epoch)
        return [index, *self._order[index - self._end(epoch - 1)]]

    def _end(self, epoch: int) -> int:
        while len(self._ends) <= epoch:
            self._ends.append((self._ends or [0])[-1] + len(self._arranged(len(self._ends))))
        return self._ends[epoch] if epoch >= 0 else 0

    def _arranged(self, epoch: int) -> list[list[int]]:
        generator = np.random.default_rng([self._params.seed, epoch])
        n_rows = len(self._lengths)
        rows = np.arange(n_rows) if self._params.keep_order else generator.permutation(n_rows)
        arranged: list[list[int]] = []
        for start in range(0, n_rows, WINDOW_ROWS):
            near = rows[start : start + WINDOW_ROWS]
            batches = self._filled(near[np.argsort(self._lengths[near], kind="stable")].tolist())
            arranged += [batches[i] for i in generator.permutation(len(batches))]
        return arranged

    def _filled(self, rows: Sequence[int]) -> list[list[int]]:
        batches: list[list[int]] = []
        for row in rows:
            room = self._params.rows_at_once(_rounded(int(self._lengths[row])))
            if not batches or len(batches[-1]) >= room:
                batches.append([])
            batches[-1].append(row)
        return batches


def _rounded(length: int) -> int:
    return -(-length // PAD_TO) * PAD_TO


class Collator:
    """Turns an item of `Schedule` into tensors `(rows, longest)`, padded on the right.

    Causal attention never looks right, so the model needs no mask; the mask only counts tokens.
    """

    def __init__(self, corpus: Corpus, params: PretrainParams, pad_id: int):
        self._corpus, self._params, self._pad_id = corpus, params, pad_id

    def __call__(self, items: Sequence[list[int]]) -> dict[str, torch.Tensor]:
        index, *pieces = items[0]
        drawn = np.random.default_rng([self._params.seed, index, 1])
        found = [self._corpus.piece(piece) for piece in pieces]
        shape = len(found), _rounded(max(len(ids) for ids, _ in found))
        ids = np.full(shape, self._pad_id, np.int64)
        labels = np.full(shape, IGNORED, np.int64)
        for row, (tokens, learned) in enumerate(found):
            ids[row, : len(tokens)] = tokens
            taken = learned | (drawn.random(len(tokens)) < self._params.prompt_loss_share)
            taken[0] = False
            labels[row, : len(tokens)][taken] = tokens[taken]
        mask = np.arange(shape[1])[None, :] < np.array([len(tokens) for tokens, _ in found])[:, None]
        return {
            "input_ids": torch.from_numpy(ids),
            "labels": torch.from_numpy(labels),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
        }
