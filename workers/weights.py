"""Loads a model's weights, all of them or none: a tensor that the files lack would be random."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from transformers import AutoModelForCausalLM, PreTrainedModel

from templates.errors import StudioError

NAMED = 3
"""Tensors to name in a message; all are counted."""
BUFFERS = re.compile(r"(^|\.)(attn|attention|self_attention)\.(masked_)?bias$|\.inv_freq$|(^|\.)position_ids$")
"""Masks and positions that older versions of transformers stored; newer ones compute them."""


def load(folder: str | Path, **options: Any) -> PreTrainedModel:
    """The model in a local folder, on the CPU unless `options` (of `from_pretrained`) say otherwise.

    Runs no code of the folder and downloads nothing. Raises `StudioError` naming the tensors if the weights
    don't fit the config.
    """
    model, loading = loaded(folder, **options)
    require_fit(loading)
    return model


def require_fit(loading: dict[str, Any]) -> None:
    """Raises `StudioError` naming the tensors that don't fit the config according to transformers' report."""
    wrong = misfits(loading)
    if wrong:
        raise StudioError(
            f"The model's weights don't fit its config.json: {'; '.join(wrong)}.",
            code="weights_do_not_fit",
            remedy="Add the model again from its original source.",
        )


def loaded(folder: str | Path, **options: Any) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The model, and what transformers reports about its tensors."""
    model, loading = AutoModelForCausalLM.from_pretrained(
        str(folder),
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # transformers would raise without naming them all
        **options,
    )
    return cast(PreTrainedModel, model), loading


def misfits(loading: dict[str, Any]) -> list[str]:
    """What doesn't fit the config according to transformers' report, in words that name tensors."""
    unexpected = [name for name in loading["unexpected_keys"] if not BUFFERS.search(name)]
    shapes = [name for name, *_ in loading["mismatched_keys"]]
    return [
        f"{said} {_some(names)}"
        for said, names in (
            ("the files lack", loading["missing_keys"]),
            ("the architecture has no place for", unexpected),
            ("these have another shape than the config says:", shapes),
        )
        if names
    ]


def _some(names: Collection[str]) -> str:
    shown = sorted(names)[:NAMED]
    more = f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}"
