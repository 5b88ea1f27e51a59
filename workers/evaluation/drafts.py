"""What a model says of an answer that is expected of it, found in one pass instead of token by token.

The pass reads prompt and draft, and tells which token the model would say next after each of the draft's.
As long as these are the draft's own, they are the model's greedy answer; where they part, the model's own
token counts and the rest of the draft is void. This is the check of speculative decoding at temperature 0
(Leviathan et al. 2023, algorithm 1): the draft saves time and changes no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from workers.evaluation.forward import LOGITS_AT_ONCE, last_logits, vocabulary
from workers.evaluation.generation import ROWS_AT_ONCE, TOKENS_AT_ONCE, Interrupted, batches


@torch.inference_mode()
def begun(
    model: Any,
    prompts: Sequence[Sequence[int]],
    drafts: Sequence[Sequence[int]],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[dict[int, list[int]]]:
    """How greedy answers begin: the draft as far as the model agrees, and its own token where it does not.

    Batch by batch, index of the prompt → ids; nothing is found out about an empty draft. Raises `Interrupted`
    once `stopped()` is true.
    """
    drafted = [index for index, draft in enumerate(drafts) if draft]
    longest = max((len(draft) for draft in drafts), default=0)
    rows_at_once = max(1, min(ROWS_AT_ONCE, LOGITS_AT_ONCE // (vocabulary(model) * max(longest, 1))))
    lengths = [len(prompts[index]) + len(drafts[index]) for index in drafted]
    was_training = model.training
    model.eval()
    try:
        for group in batches(lengths, rows_at_once, TOKENS_AT_ONCE):
            if stopped():
                raise Interrupted
            found = [drafted[i] for i in group]
            own = _own_tokens(model, [prompts[i] for i in found], [drafts[i] for i in found])
            yield {index: _agreed(drafts[index], said) for index, said in zip(found, own, strict=True)}
    finally:
        model.train(was_training)


def _own_tokens(model: Any, prompts: Sequence[Sequence[int]], drafts: Sequence[Sequence[int]]) -> list[list[int]]:
    """What the model would say in the place of each of the draft's tokens."""
    rows = [[*prompt, *draft[:-1]] for prompt, draft in zip(prompts, drafts, strict=True)]
    said = last_logits(model, rows, max(len(draft) for draft in drafts)).argmax(dim=-1).tolist()
    return [row[-len(draft) :] for row, draft in zip(said, drafts, strict=True)]


def _agreed(draft: Sequence[int], own: Sequence[int]) -> list[int]:
    parted = next((i for i, (a, b) in enumerate(zip(draft, own, strict=True)) if a != b), len(draft) - 1)
    return list(own[: parted + 1])
