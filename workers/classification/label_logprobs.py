"""The log probability of every label as the answer to a prompt.

A label's log probability is the sum over its tokens and the token that ends the answer. All labels are read in one
pass behind the prompt, as a tree of tokens of which each sees only the prompt and those before it in its own label
(tree attention: Miao et al. 2023, arXiv 2305.09781). What the prompts begin with in common is read once. Whether a
model can be read so is tried first, against reading labels one by one; some architectures can't.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from templates.errors import StudioError
from workers import precision
from workers.classification import reading
from workers.classification.label_tokens import Endings, LabelTree, trees
from workers.classification.reading import Reading
from workers.evaluation.generation import Interrupted, batches
from workers.evaluation.losses import LOGITS_AT_ONCE, Floats
from workers.evaluation.padding import pad_left
from workers.evaluation.shared_prefix import FEWEST_ROWS, FEWEST_TOKENS, SharedPrefix

ROWS_AT_ONCE, TOKENS_AT_ONCE = 16, 8192
N_TRIED = 6
"""Labels with which a model is tried."""
FINE, COARSE = 1e-3, 0.15
"""Largest difference between two right ways to compute one token's log probability: in 32 bits, and in 16 or fewer.
In int8, rounding depends on what else is in the batch."""

log = logging.getLogger(__name__)


@torch.inference_mode()
def scored(
    model: Any,
    prompts: Sequence[Sequence[int]],
    endings: Endings,
    *,
    progress: Callable[[int], None] = lambda _n: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Floats:
    """The log probability of each label behind each prompt (token ids), `(prompts, labels)`, in nats.

    `progress` gets the number of prompts so far. Raises `Interrupted` once `stopped()` is true.
    """
    found = np.zeros((len(prompts), len(endings)))
    if not prompts:
        return found
    was_training = model.training
    model.eval()
    try:
        read, device = reading.of_model(model), next(model.parameters()).device
        rows = [read.prompt(list(ids)) for ids in prompts]
        in_tree = works(read, [min(rows, key=len), max(rows, key=len)], endings, device)
        prefix = _shared(read, rows, device) if in_tree else SharedPrefix()
        n_done = 0
        for group in _groups(rows, endings, prefix, int(model.config.get_text_config().vocab_size), in_tree):
            if stopped():
                raise Interrupted
            found[group] = by_label(read, [rows[at] for at in group], endings, device, prefix, in_tree=in_tree)
            n_done += len(group)
            progress(n_done)
    finally:
        model.train(was_training)
    return refuse_not_numbers(found)


def refuse_not_numbers(found: Floats) -> Floats:
    """The same log probabilities. Raises `StudioError` if one is not a number."""
    if not np.isfinite(found).all():
        raise StudioError(
            "The model's label probabilities are not numbers.",
            code="not_a_number",
            remedy="Train again with a lower learning rate.",
        )
    return found


def by_label(
    read: Reading,
    rows: Sequence[list[int]],
    endings: Endings,
    device: torch.device,
    prefix: SharedPrefix = SharedPrefix(),  # noqa: B008  a frozen value
    *,
    in_tree: bool,
) -> Floats:
    """The labels' log probabilities behind a few prompts, with virtual tokens if any, `(rows, labels)`."""
    if not in_tree:
        return np.stack([_one_by_one(read, row, endings, device).numpy() for row in rows])
    found = torch.zeros(len(rows), len(endings), dtype=torch.float64)
    for places, tree in trees(endings):
        found[:, places] = _in_tree(read, rows, tree, prefix, device)
    return found.numpy()


def works(read: Reading, rows: Sequence[list[int]], endings: Endings, device: torch.device) -> bool:
    """Whether reading labels as a tree gives what reading them one by one gives, for these prompts."""
    some = [endings[at] for at in np.unique(np.linspace(0, len(endings) - 1, N_TRIED).astype(int))]
    alone = torch.stack([_one_by_one(read, row, some, device) for row in rows])
    try:
        together = _in_tree(read, rows, LabelTree.of(some), SharedPrefix(), device)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # any error means that this architecture can't
        log.info("labels can't be read as a tree: %s", error)
        return False
    is_fine = device.type == "cpu" and not precision.computes_in_16_bits(read.core)
    is_fine = is_fine and not getattr(read.core, "is_quantized", False)
    least = (FINE if is_fine else COARSE) * max(map(len, some))
    return float((together - alone).abs().max()) <= least


def _groups(
    rows: Sequence[list[int]], endings: Endings, prefix: SharedPrefix, vocabulary: int, in_tree: bool
) -> list[list[int]]:
    """The prompts that are read together, by their places."""
    if not in_tree:
        return [[at] for at in range(len(rows))]
    n_nodes = max(len(tree.tokens) for _, tree in trees(endings)) + 1
    at_once = max(1, min(ROWS_AT_ONCE, LOGITS_AT_ONCE // (n_nodes * vocabulary)))
    return list(batches([len(row) - prefix.n_tokens + n_nodes for row in rows], at_once, TOKENS_AT_ONCE))


def _shared(read: Reading, rows: Sequence[list[int]], device: torch.device) -> SharedPrefix:
    """What all prompts begin with, read once; nothing where a cache can't be gone on from."""
    if len(rows) < FEWEST_ROWS or "past_key_values" not in read.takes:
        return SharedPrefix()
    first, last = min(rows), max(rows)  # all others are alike as far as these two are
    common = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first[:-1], last[:-1], strict=False))]
    if len(common) < FEWEST_TOKENS:
        return SharedPrefix()
    ids = torch.tensor([common], device=device)
    positions = torch.arange(len(common), device=device)[None]
    _, cache = read(ids, torch.ones_like(ids), positions, None, 1, keep_cache=True)
    can_go_on = type(cache) is DynamicCache and all(type(layer) is DynamicLayer for layer in cache.layers)
    return SharedPrefix(len(common), cache) if can_go_on else SharedPrefix()


def _in_tree(
    read: Reading, rows: Sequence[list[int]], tree: LabelTree, prefix: SharedPrefix, device: torch.device
) -> Tensor:
    """Log probabilities `(rows, labels)` from one pass over the prompts with all nodes behind each."""
    n_nodes, n_before = len(tree.tokens), prefix.n_tokens
    rests, mask = pad_left([row[n_before:] for row in rows], 0, device)
    cache = copy.deepcopy(prefix.cache)
    if cache is not None:
        cache.batch_repeat_interleave(len(rows))
    mask = torch.cat([mask.new_ones(len(rows), n_before), mask], 1).bool()
    nodes = torch.tensor(tree.tokens, dtype=torch.long, device=device).expand(len(rows), -1)
    lengths = mask.sum(1, keepdim=True)
    positions = torch.cat(
        [(mask.long().cumsum(1) - 1).clamp(min=0)[:, n_before:], lengths + torch.tensor(tree.depths, device=device)], 1
    ).long()
    seen = _seen(mask, n_before, tree.sees.to(device))
    logits, _ = read(torch.cat([rests, nodes], 1), _as_taken(seen, read.core), positions, cache, n_nodes + 1)
    places, tokens, counts = (one.to(device) for one in tree.predicted)
    chosen = logits[:, places, tokens] - logits.logsumexp(-1)[:, places]
    return torch.where(counts, chosen, 0.0).double().sum(-1).cpu()


def _as_taken(seen: Tensor, core: Any) -> Tensor:
    """The mask as the model's attention takes it: whether, or what to add to the attention's logits."""
    if core.config.get_text_config()._attn_implementation == "sdpa":
        return seen
    return torch.zeros(seen.shape, dtype=core.dtype, device=seen.device).masked_fill(~seen, torch.finfo(core.dtype).min)


def _seen(mask: Tensor, n_before: int, sees: Tensor) -> Tensor:
    """Which tokens each one sees, `(rows, 1, new tokens, all tokens)`; `mask` is of the prompts, without the nodes."""
    n_rows, n_prompt = mask.shape
    n_nodes = len(sees)
    found = torch.zeros(n_rows, n_prompt - n_before + n_nodes, n_prompt + n_nodes, dtype=torch.bool, device=mask.device)
    earlier = torch.ones(n_prompt, n_prompt, dtype=torch.bool, device=mask.device).tril()[n_before:]
    itself = torch.eye(n_prompt, dtype=torch.bool, device=mask.device)[n_before:]  # or padding would see nothing
    found[:, : n_prompt - n_before, :n_prompt] = (earlier & mask[:, None, :]) | itself
    found[:, n_prompt - n_before :, :n_prompt] = mask[:, None, :]
    found[:, n_prompt - n_before :, n_prompt:] = sees
    return found[:, None]


def _one_by_one(read: Reading, row: list[int], endings: Endings, device: torch.device) -> Tensor:
    """Log probabilities `(labels,)`; labels of as many tokens are read together, so nothing is padded."""
    found = torch.zeros(len(endings), dtype=torch.float64)
    for length in sorted({len(ending) for ending in endings}):
        places = [at for at, ending in enumerate(endings) if len(ending) == length]
        at_once = max(1, TOKENS_AT_ONCE // (len(row) + length))
        for some in (places[start : start + at_once] for start in range(0, len(places), at_once)):
            ids = torch.tensor([[*row, *endings[at][:-1]] for at in some], device=device)
            positions = torch.arange(ids.shape[1], device=device).expand_as(ids)
            logits, _ = read(ids, torch.ones_like(ids), positions, None, length)
            targets = torch.tensor([endings[at] for at in some], device=device)
            chosen = logits.gather(-1, targets[..., None])[..., 0] - logits.logsumexp(-1)
            found[some] = chosen.double().sum(-1).cpu()
    return found
