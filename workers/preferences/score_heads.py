"""A base model with a score head in place of its output head: one number for a whole conversation.

transformers reads the number at the last token that is no padding; where the tokenizer has no token for padding, the
end token pads, and the number is read at the token before it, in training and scoring alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel

from templates.errors import StudioError
from workers import weights

HEAD = "score.weight"
"""What transformers calls the head's weights, in every architecture of causal models that has one."""
OUTPUT_HEAD = "lm_head."
"""The beginning of the names of the head that the score head replaces."""
TASK_TYPE = "SEQ_CLS"
"""PEFT's name for models with such a head: it stores the head with the adapter."""


def load_new(folder: str | Path, **options: Any) -> PreTrainedModel:
    """The base model in a local folder with a fresh head, which torch's seed decides.

    Raises `StudioError` if transformers has no such head for the architecture, or the weights don't fit.
    """
    return _loaded(folder, {HEAD}, **options)


def load(folder: str | Path, **options: Any) -> PreTrainedModel:
    """The whole reward model in a local folder, with its own head. Raises as `load_new` does."""
    return _loaded(folder, set(), **options)


def _loaded(folder: str | Path, may_lack: set[str], **options: Any) -> PreTrainedModel:
    config = AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    if type(config) not in AutoModelForSequenceClassification._model_mapping:
        raise StudioError(
            f"transformers has no model of the type {config.model_type} that gives scores.",
            code="no_score_head",
            remedy="Choose a base model of another architecture, such as Llama, Qwen, Gemma or Mistral.",
        )
    made, loading = AutoModelForSequenceClassification.from_pretrained(
        str(folder),
        num_labels=1,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # transformers would raise without naming them all
        **options,
    )
    loading["missing_keys"] = set(loading["missing_keys"]) - may_lack
    loading["unexpected_keys"] = {key for key in loading["unexpected_keys"] if not key.startswith(OUTPUT_HEAD)}
    weights.require_fit(loading)
    model = cast(PreTrainedModel, made)
    model.config.get_text_config().pad_token_id = pad_id(folder)
    return model


def pad_id(folder: str | Path) -> int:
    """The token for padding, as TRL's trainer chooses it: the tokenizer's own, or else its end token."""
    tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def padded(rows: Sequence[Sequence[int]], pad: int) -> dict[str, torch.Tensor]:
    """Token ids and mask `(rows, longest)`, padded on the right, as TRL's collator for reward models makes them."""
    shape = len(rows), max(map(len, rows))
    ids, mask = torch.full(shape, pad, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)], mask[place, : len(row)] = torch.tensor(list(row)), 1
    return {"input_ids": ids, "attention_mask": mask}
