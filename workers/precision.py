"""The dtype in which a model computes fastest without harm: bfloat16 where the device multiplies it, else float32.

On a CPU only the products are in bfloat16: the weights stay in float32, because everything between the products is
slower in bfloat16 there than what the products gain.

A processor with bfloat16 instructions gains from them only if the products are large: a narrow model spends its
time between them. So on a CPU a model needs some width, and a short trial has to show that it pays.
"""

from __future__ import annotations

import functools
import time
from typing import Any

import torch

from storage.settings import settings
from templates.spec.base_facts import WIDE_FROM

AUTOCAST = "_multiplies_in_bfloat16"
"""The mark of a model whose forward pass is in autocast."""
ROWS = 256
TRIES = 9
WIDEST = 1024
"""Wider products gain as much, and take longer to try."""
PAYS_FROM = 1.3
"""How many times as fast bfloat16 must be in the trial."""


def multiplies_bfloat16(where: torch.device) -> bool:
    """Whether `where` has instructions for bfloat16; emulation makes a product a hundred times slower."""
    if where.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return any(has for name, has in torch.cpu.get_capabilities().items() if "bf16" in name)


def fastest_dtype(where: torch.device, hidden_size: int) -> torch.dtype:
    """The dtype for a model of this width on this device; `STUDIO_CPU_DTYPE=float32` switches the choice off."""
    if not multiplies_bfloat16(where):
        return torch.float32
    if where.type == "cuda":
        return torch.bfloat16
    if settings().cpu_dtype == "float32" or hidden_size < WIDE_FROM:
        return torch.float32
    return torch.bfloat16 if _gain(min(hidden_size, WIDEST)) >= PAYS_FROM else torch.float32


def of_model(model: Any) -> torch.dtype:
    """The fastest dtype for a model that is loaded, where it is."""
    return fastest_dtype(model.device, hidden_size(model.config))


def held_dtype(where: torch.device) -> torch.dtype:
    """The dtype for a model's weights."""
    return torch.bfloat16 if where.type == "cuda" and multiplies_bfloat16(where) else torch.float32


def autocast(model: Any) -> None:
    """Let a model on a CPU multiply in bfloat16 if that is faster, whoever calls it."""
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


@functools.cache
def _gain(width: int) -> float:
    """Seconds of a layer's product in float32 as a multiple of those in bfloat16; takes about 50 ms.

    On one thread, by turns, the best of several: beside other work, two threads wait for each other at random.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        takes = [(_product_s(torch.float32, width), _product_s(torch.bfloat16, width)) for _ in range(1 + TRIES)]
    finally:
        torch.set_num_threads(n_threads)
    best_32_s, best_16_s = (min(of_dtype) for of_dtype in zip(*takes[1:], strict=True))  # the first one sets up
    return float(best_32_s / best_16_s)


@torch.inference_mode()
def _product_s(dtype: torch.dtype, width: int) -> float:
    states, weight = torch.ones(ROWS, width, dtype=dtype), torch.ones(width, width, dtype=dtype)
    began = time.perf_counter()
    torch.nn.functional.linear(states, weight)
    return time.perf_counter() - began
