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


class Form(Protocol):
    """Turns distributions into arrays, `(places, …)`, and some of their places back."""

    def kept(self, log_p: Tensor, generator: torch.Generator, /) -> Arrays:
        """The arrays for the logarithms of the teacher's probabilities, `(n, vocabulary)`."""

    def targets(self, arrays: Arrays, places: Sequence[slice]) -> Targets:
        """The distributions at these places of the arrays."""


@dataclass(frozen=True)
class Sampled:
    """Tokens drawn with replacement from the distribution itself, and how often each was drawn.

    `counts` is the number of distinct tokens at each place; the other arrays hold all of them one after another.
    """

    draws: int

    def kept(self, log_p: Tensor, generator: torch.Generator) -> Arrays:
        p = log_p.exp()
        drawn = torch.multinomial(p, self.draws, replacement=True, generator=generator).sort(-1).values
        first = torch.ones_like(drawn, dtype=torch.bool)
        first[:, 1:] = drawn[:, 1:] != drawn[:, :-1]
        starts = first.flatten().nonzero()[:, 0]
        times = torch.diff(starts, append=starts.new_tensor([drawn.numel()]))
        entropy = torch.special.entr(p).sum(-1)
        return {
            "counts": first.sum(-1).to(torch.uint8).cpu().numpy(),
            "times": times.to(torch.uint8).cpu().numpy(),
            "entropy": entropy.half().cpu().numpy(),
            **_split_ids(drawn[first], log_p.shape[-1]),
        }

    def targets(self, arrays: Arrays, places: Sequence[slice]) -> Targets:
        ends = _ends(arrays)
        inner = [slice(int(ends[place.start]), int(ends[place.stop])) for place in places]
        counts = np.concatenate([arrays["counts"][place] for place in places]).astype(np.int64)
        shape = len(counts), int(counts.max(initial=1))
        filled = np.arange(shape[1])[None] < counts[:, None]
        ids, weights = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        ids[filled] = np.concatenate([_joined_ids(arrays, place) for place in inner])
        weights[filled] = np.concatenate([arrays["times"][place] for place in inner]).astype(np.float32)
        entropy = np.concatenate([arrays["entropy"][place] for place in places]).astype(np.float32)
        weights /= np.float32(self.draws)
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
    """The targets one after another; sampled ones are padded to the same width with tokens of weight 0."""
    if len(batch) == 1:
        return batch[0]
    width = max((one.ids.shape[-1] for one in batch if one.ids is not None), default=0)
    found = {}
    for name in ("ids", "weights", "entropy", "log_p"):
        parts = [getattr(one, name) for one in batch]
        if parts[0] is None:
            continue
        if name in ("ids", "weights"):
            parts = [torch.nn.functional.pad(part, (0, width - part.shape[-1])) for part in parts]
        found[name] = torch.cat(parts)
    return Targets(**found)


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


def _ends(arrays: Arrays) -> npt.NDArray[np.int64]:
    """Where each place's tokens begin and the last one's end; worked out once for each file."""
    if "ends" not in arrays:
        arrays["ends"] = np.concatenate([[0], np.cumsum(arrays["counts"], dtype=np.int64)])
    return arrays["ends"]
