"""Generates answers to many prompts, greedily by default: batched, left-padded, shortest prompts first.

It ignores the model's `generation_config`, whose sampling settings and repetition penalties would
make answers differ from those of chat at temperature 0.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig, StoppingCriteriaList

from workers import sharing
from workers.evaluation.shared_prefix import shared_prefix

ROWS_AT_ONCE = 32
TOKENS_AT_ONCE = 16_384
"""Prompt tokens per batch, including padding; limits the memory of its key-value cache."""


class Interrupted(Exception):
    """The attempt was told to stop while it scored a model."""


@dataclass(frozen=True)
class Generated:
    """One answer's token ids without the end token; `ended` is False when it ran out of tokens."""

    ids: tuple[int, ...]
    ended: bool
    end: int | None = None
    """The token that ended it."""


def _when(stopped: Callable[[], bool]) -> StoppingCriteriaList:
    """Ends all rows of the current batch once `stopped()` is true."""

    def ended(input_ids: torch.Tensor, _scores: Any, **_kwargs: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), stopped(), dtype=torch.bool, device=input_ids.device)

    return StoppingCriteriaList([ended])


@contextmanager
def plain_greedy(model: Any, eos_ids: Collection[int]) -> Iterator[None]:
    """While inside, `model.generate` is plain greedy decoding that ends at `eos_ids`."""
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    holders = [model] if core is model else [model, core]
    before = [holder.generation_config for holder in holders]
    ends = sorted(eos_ids)
    plain = GenerationConfig(do_sample=False, num_beams=1, eos_token_id=ends or None, pad_token_id=_padding(ends))
    for holder in holders:
        holder.generation_config = plain
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
        for holder, config in zip(holders, before, strict=True):
            holder.generation_config = config


def _padding(eos_ids: Sequence[int]) -> int:
    # Any id works: the mask hides padding on the left, and padding after the end token is cut off.
    return eos_ids[0] if eos_ids else 0


def batches(lengths: Sequence[int], rows_at_once: int, tokens_at_once: int) -> Iterator[list[int]]:
    """Indices of rows in groups of similar length, shortest first; `tokens_at_once` counts padding."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if group and (len(group) >= rows_at_once or lengths[index] * (len(group) + 1) > tokens_at_once):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


@torch.inference_mode()
def answers(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    eos_ids: Collection[int],
    max_new_tokens: int,
    sampling: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] = lambda _n: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Generated]:
    """Answer each prompt (token ids), in the given order; greedily, or at random with `sampling`.

    `sampling` holds transformers' settings, such as `temperature`; torch's seed determines the draw.
    `progress` gets the number of answers so far. Raises `Interrupted` once `stopped()` is true.
    """
    found: dict[int, Generated] = {}
    device = next(model.parameters()).device
    rows_at_once = ROWS_AT_ONCE if sharing.may_share(model) else 1
    prefix = shared_prefix(model, prompts)
    with plain_greedy(model, eos_ids):
        for group in batches([len(p) + max_new_tokens for p in prompts], rows_at_once, TOKENS_AT_ONCE):
            batch = prefix.batch([prompts[i] for i in group], _padding(sorted(eos_ids)), device)
            out = model.generate(
                input_ids=batch.ids,
                attention_mask=batch.mask,
                max_new_tokens=max_new_tokens,
                stopping_criteria=_when(stopped),
                **({"past_key_values": batch.cache} if batch.cache is not None else {}),
                **({"do_sample": True, **sampling} if sampling else {}),
            )
            if stopped():
                raise Interrupted
            for index, row in zip(group, out[:, batch.ids.shape[1] :].tolist(), strict=True):
                found[index] = _cut(row, eos_ids)
            progress(len(found))
    return [found[index] for index in range(len(prompts))]


def _cut(ids: Sequence[int], eos_ids: Collection[int]) -> Generated:
    for position, token in enumerate(ids):
        if token in eos_ids:
            return Generated(tuple(ids[:position]), ended=True, end=token)
    return Generated(tuple(ids), ended=False)
