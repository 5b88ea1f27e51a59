"""Tries whether rows of different lengths get the same answers in one batch as each by itself.

Most architectures ignore padding on the left once mask and positions say so; some, such as recurrent ones, don't.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

FINE = 1e-3
"""Largest difference between computing rows together and alone in 32 bits on a processor."""
COARSE = 0.15
"""The same in 16 bits or on a GPU, as a share of the logits' spread."""
N_SHORT, N_LONG = 5, 12
Logits = Callable[[Tensor, Tensor, Tensor], Tensor]
"""`(ids, mask, positions)`, each `(rows, time)` → logits of each row's last position `(rows, vocabulary)`."""

log = logging.getLogger(__name__)
_tried: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()


def has_virtual_tokens(model: Any) -> bool:
    """Whether an adapter puts tokens of its own before every row; PEFT puts them before the padding."""
    config = getattr(model, "active_peft_config", None) if hasattr(model, "get_base_model") else None
    return bool(config is not None and config.is_prompt_learning)


def may_share(model: Any) -> bool:
    """Whether rows of this model may share a left-padded batch; remembered."""
    if has_virtual_tokens(model):
        return False
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    if core not in _tried:
        takes = inspect.signature(core.forward).parameters
        size = int(core.config.get_text_config().vocab_size)

        def logits(ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
            inputs = {"input_ids": ids, "attention_mask": mask}
            inputs |= {"position_ids": positions} if "position_ids" in takes else {}
            found: Tensor = model(**inputs).logits[:, -1]
            return found

        was_training = model.training
        model.eval()
        try:
            _tried[core] = ignores_padding(logits, [(7 * i + 3) % size for i in range(N_LONG)], model.device)
        finally:
            model.train(was_training)
    return _tried[core]


@torch.no_grad()
def ignores_padding(logits: Logits, prompt: Sequence[int], device: torch.device) -> bool:
    """Whether a short prompt gives the same logits beside a longer one as alone."""
    short = torch.tensor([prompt[:N_SHORT]], device=device)
    alone = logits(short, torch.ones_like(short), torch.arange(N_SHORT, device=device)[None])
    n_padding = len(prompt) - N_SHORT
    padded = torch.nn.functional.pad(short, (n_padding, 0))
    ids = torch.cat([torch.tensor([prompt], device=device), padded])
    mask = torch.ones_like(ids)
    mask[1, :n_padding] = 0
    try:
        together = logits(ids, mask, (mask.cumsum(-1) - 1).clamp(min=0))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # any error in a padded batch means no
        log.info("rows can't share a batch: %s", error)
        return False
    return float((together[1] - alone[0]).abs().max()) <= rounding(alone)


def rounding(logits: Tensor) -> float:
    """Largest difference of these logits between two right ways to compute them."""
    is_fine = logits.device.type == "cpu" and logits.dtype == torch.float32
    return FINE if is_fine else COARSE * float(logits.float().std())
