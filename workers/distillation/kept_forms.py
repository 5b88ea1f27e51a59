"""The forms in which a teacher's distributions are kept, as arrays for a file and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from templates.objectives.distill_logits import SHORT_IDS, DistillLogitsParams
from workers.distillation.divergences import LEAST_TAIL, Targets

Arrays = dict[str, npt.NDArray[Any]]
NOWHERE = -60000.0
"""A log probability that 16 bits can hold, and that is none."""
LEAST = 1e-15
"""Added to probabilities of 0, so that something can be drawn from a certain teacher."""
CELLS_AT_ONCE = 8_000_000
"""Probabilities that are drawn from at once, in 64 bits."""


class Form(Protocol):
    """Turns distributions into arrays, `(places, …)`, and some of their places back."""

    def kept(self, log_p: Tensor, generator: torch.Generator, /) -> Arrays:
        """The arrays for the logarithms of the teacher's probabilities, `(n, vocabulary)`."""

    def targets(self, arrays: Arrays, places: Sequence[slice]) -> Targets:
        """The distributions at these places of the arrays."""


@dataclass(frozen=True)
class Sampled:
    """Different tokens drawn at random, each with a weight that is its probability on average.

    A token with a probability above a threshold τ is always drawn and keeps its probability; any other is drawn with
    probability p / τ and then weighs τ (Horvitz and Thompson 1952). τ is such that `draws` tokens are drawn
    (systematically: Madow 1949), and the weights sum to 1.
    """

    draws: int

    def kept(self, log_p: Tensor, generator: torch.Generator, /) -> Arrays:
        at_once = max(1, CELLS_AT_ONCE // log_p.shape[-1])
        drawn = [self._drawn(part, generator) for part in torch.split(log_p, at_once)]
        ids, weights = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        entropy = torch.special.entr(log_p.exp()).sum(-1)
        return {
            "weights": weights.half().cpu().numpy(),
            "entropy": entropy.half().cpu().numpy(),
            **_split_ids(ids, log_p.shape[-1]),
        }

    def _drawn(self, log_p: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Ids and weights, `(n, draws)`."""
        p = log_p.double().exp()
        n_drawn = min(self.draws, p.shape[-1])
        largest, of_largest = p.topk(n_drawn)
        ranks = torch.arange(n_drawn, device=p.device)
        left = n_drawn - ranks
        thresholds = (1 - largest.cumsum(-1) + largest).clamp(min=0) / left  # if only the larger ones were certain
        falls_below = (largest <= thresholds).int()
        falls_below[:, -1] = 1  # rounding may leave nothing for the last one
        n_certain = falls_below.argmax(-1, keepdim=True)
        threshold = thresholds.gather(-1, n_certain)
        certain = torch.zeros_like(p, dtype=torch.bool).scatter_(-1, of_largest, ranks < n_certain)
        share = torch.where(certain, 0.0, p + LEAST)
        places = share.cumsum(-1)
        places = places * ((n_drawn - certain.sum(-1, keepdim=True)) / places[:, -1:])
        start = torch.rand(len(p), 1, generator=generator, device=p.device, dtype=p.dtype)
        passed = (places - start).ceil().clamp(min=0)
        hits = passed.diff(dim=-1, prepend=torch.zeros_like(start)) + 2 * certain
        ids = hits.topk(n_drawn).indices
        return ids, torch.maximum(p.gather(-1, ids), threshold)

    def targets(self, arrays: Arrays, places: Sequence[slice]) -> Targets:
        ids = np.concatenate([_joined_ids(arrays, place) for place in places])
        weights = np.concatenate([arrays["weights"][place] for place in places]).astype(np.float32)
        weights /= weights.sum(-1, keepdims=True)
        entropy = np.concatenate([arrays["entropy"][place] for place in places]).astype(np.float32)
        return Targets(torch.from_numpy(ids), torch.from_numpy(weights), torch.from_numpy(entropy))


@dataclass(frozen=True)
class Listed:
    """The likeliest tokens, and the probability of all others together as the last column."""

    top_k: int

    def kept(self, log_p: Tensor, _generator: torch.Generator) -> Arrays:
        values, ids = log_p.topk(min(self.top_k, log_p.shape[-1] - 1), sorted=True)
        rest = torch.log1p(-values.exp().sum(-1, keepdim=True).clamp(max=1 - LEAST_TAIL))
        columns = torch.cat([values, rest], -1).half().cpu().numpy()
        return {"log_p": columns, **_split_ids(ids, log_p.shape[-1])}

    def targets(self, arrays: Arrays, places: Sequence[slice]) -> Targets:
        ids = np.concatenate([_joined_ids(arrays, place) for place in places])
        return Targets(ids=torch.from_numpy(ids), log_p=_normal(arrays["log_p"], places))


@dataclass(frozen=True)
class Full:
    """Every token's log probability, in 16 bits."""

    def kept(self, log_p: Tensor, _generator: torch.Generator) -> Arrays:
        return {"log_p": log_p.clamp(min=NOWHERE).half().cpu().numpy()}

    def targets(self, arrays: Arrays, places: Sequence[slice]) -> Targets:
        return Targets(log_p=_normal(arrays["log_p"], places))


def of(params: DistillLogitsParams) -> Form:
    """The form that the parameters ask for."""
    if params.teacher_cache == "full":
        return Full()
    return Listed(params.top_k) if params.teacher_cache == "top_k" else Sampled(params.draws)


def joined(batch: Sequence[Targets]) -> Targets:
    """The targets one after another."""
    names = [name for name, value in vars(batch[0]).items() if value is not None]
    return Targets(**{name: torch.cat([getattr(one, name) for one in batch]) for name in names})


def _split_ids(ids: Tensor, vocab_size: int) -> Arrays:
    """Two bytes for each id, and a third in an array of its own if the vocabulary needs it."""
    plain = ids.cpu().numpy()
    split: Arrays = {"ids": (plain % SHORT_IDS).astype(np.uint16)}
    if vocab_size > SHORT_IDS:
        split["ids_high"] = (plain // SHORT_IDS).astype(np.uint8)
    return split


def _joined_ids(arrays: Arrays, place: slice) -> npt.NDArray[np.int64]:
    ids = arrays["ids"][place].astype(np.int64)
    return ids + SHORT_IDS * arrays["ids_high"][place].astype(np.int64) if "ids_high" in arrays else ids


def _normal(columns: npt.NDArray[Any], places: Sequence[slice]) -> Tensor:
    """Log probabilities that sum to 1 again after rounding."""
    found = torch.from_numpy(np.concatenate([columns[place] for place in places]).astype(np.float32))
    return found.log_softmax(-1)
