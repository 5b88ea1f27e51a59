"""The dtype in which a model's products are computed.

On a GPU that is bfloat16, or float32 if the GPU is too old for it. On a CPU it is float32, unless `STUDIO_CPU_DTYPE`
says bfloat16: then a wide model's products are computed in it while its weights stay in float32. That pays only where
rows are long or equally long; the figures are in DECISIONS.md.
"""

from __future__ import annotations

from typing import Any

import torch

from storage.settings import settings
from templates.spec.base_facts import WIDE_FROM

AUTOCAST = "_multiplies_in_bfloat16"
"""The mark of a model whose forward pass is in autocast."""


def multiplies_bfloat16(where: torch.device) -> bool:
    """Whether `where` has instructions for bfloat16; emulation makes a product a hundred times slower."""
    if where.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return any(has for name, has in torch.cpu.get_capabilities().items() if "bf16" in name)


def compute_dtype(where: torch.device, hidden_size: int) -> torch.dtype:
    """The dtype for the products of a model of this width on this device."""
    if not multiplies_bfloat16(where):
        return torch.float32
    if where.type == "cuda":
        return torch.bfloat16
    wanted = settings().cpu_dtype == "bfloat16" and hidden_size >= WIDE_FROM
    return torch.bfloat16 if wanted else torch.float32


def of_model(model: Any) -> torch.dtype:
    """The same for a model that is loaded, where it is."""
    return compute_dtype(model.device, hidden_size(model.config))


def held_dtype(where: torch.device) -> torch.dtype:
    """The dtype for a model's weights."""
    return torch.bfloat16 if where.type == "cuda" and multiplies_bfloat16(where) else torch.float32


def autocast(model: Any) -> None:
    """Let a model on a CPU multiply in bfloat16 if that is wanted, whoever calls it."""
    if model.device.type != "cpu" or model.dtype != torch.float32 or hasattr(model, AUTOCAST):
        return
    if of_model(model) == torch.bfloat16:
        model.forward = torch.autocast("cpu", torch.bfloat16)(model.forward)
        setattr(model, AUTOCAST, True)


def computes_in_16_bits(model: Any) -> bool:
    """Whether products are rounded to 16 bits."""
    core = model.get_base_model() if hasattr(model, "get_base_model") else model
    return core.dtype != torch.float32 or hasattr(core, AUTOCAST)


def hidden_size(config: Any) -> int:
    """The width of a causal model's hidden states; 0 if its configuration doesn't say."""
    text = config.get_text_config()
    return int(getattr(text, "hidden_size", None) or getattr(text, "n_embd", None) or getattr(text, "d_model", 0) or 0)
