"""One pass of a model over given tokens, with whatever adapter is on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peft import PeftModel
from torch import Tensor

from workers.evaluation.predictions import forward_arguments
from workers.serving import virtual
from workers.serving.virtual import Virtual


@dataclass(frozen=True)
class Reading:
    """A model that reads. Adapters with virtual tokens are computed as in chat: as tokens before each prompt."""

    compute: Callable[[Mapping[str, Any], int], Any]
    """`(inputs, rows)` → the model's output."""
    core: Any
    """The model itself, below its adapters."""
    takes: frozenset[str]
    """The arguments of its forward pass."""
    own: Virtual | None = None

    def prompt(self, ids: list[int]) -> list[int]:
        """A prompt with the adapter's virtual tokens before it, if it has any."""
        return self.own.prompt(ids) if self.own else ids

    def __call__(
        self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any, n_last: int, *, keep_cache: bool = False
    ) -> tuple[Tensor, Any]:
        """Logits of each row's last `n_last` tokens in 32 bits, and the cache if it is to be kept."""
        given = self.own.inputs(ids, self.core, cache) if self.own else {"input_ids": ids, "past_key_values": cache}
        uses_cache = keep_cache or given["past_key_values"] is not None
        inputs = {**given, "attention_mask": mask, "position_ids": positions, "use_cache": uses_cache}
        inputs |= {"logits_to_keep": n_last}
        out = self.compute({name: value for name, value in inputs.items() if name in self.takes}, len(ids))
        return out.logits[:, -n_last:].float(), virtual.settled(out.past_key_values) if keep_cache else None


def of_model(model: Any) -> Reading:
    """Reads with a model as it is evaluated, adapter included."""
    core = model.get_base_model() if isinstance(model, PeftModel) else model
    own = _virtual_of(model)
    called = model if own is None else core
    return Reading(lambda inputs, _rows: called(**inputs), core, forward_arguments(model), own)


def _virtual_of(model: Any) -> Virtual | None:
    """The virtual tokens of the adapter at work; none while it is switched off."""
    if not isinstance(model, PeftModel) or not model.active_peft_config.is_prompt_learning:
        return None
    if getattr(model, "_adapters_disabled", False):
        return None
    adapter = model.active_adapter
    stored = model.get_prompt_embedding_to_save(adapter).to(next(model.parameters()).device)
    return virtual.of(model.peft_config[adapter], stored)
