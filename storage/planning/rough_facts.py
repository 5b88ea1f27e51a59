"""The probable shape of a model of which only the number of parameters is known, to estimate its memory roughly.

A decoder with grouped keys and values, a gated feed-forward block of three times its width, and one embedding, as
most open models of today have it. Of published models, the width is met within a fifth.
"""

from __future__ import annotations

import math
from functools import lru_cache

from templates.layers import Projection
from templates.spec import BaseFacts

HEAD = 64
WIDER = 3
"""The feed-forward block's width divided by the model's."""
SHAPES: tuple[tuple[float, int, int], ...] = (
    (3e8, 30, 49_000),
    (2e9, 28, 150_000),
    (5e9, 34, 130_000),
    (1e10, 36, 130_000),
    (2e10, 40, 130_000),
    (math.inf, 64, 150_000),
)
"""Up to so many parameters: layers, and tokens of the vocabulary."""
_PER_LAYER = 2 + 2 / 4 + 3 * WIDER
"""Parameters of a layer's projections, in squares of the width."""


@lru_cache(maxsize=256)
def of(n_parameters: int, context_length: int) -> BaseFacts:
    """Facts about a model with this many parameters; all but these two are guessed."""
    n_layers, vocab_size = next((layers, vocabulary) for most, layers, vocabulary in SHAPES if n_parameters <= most)
    squares = n_layers * _PER_LAYER
    root = math.sqrt(vocab_size**2 + 4 * squares * n_parameters)
    width = max(HEAD, round((root - vocab_size) / (2 * squares) / HEAD) * HEAD)
    wide, narrow = WIDER * width, width // 4
    shapes = {
        "self_attn.q_proj": (width, width),
        "self_attn.k_proj": (narrow, width),
        "self_attn.v_proj": (narrow, width),
        "self_attn.o_proj": (width, width),
        "mlp.gate_proj": (wide, width),
        "mlp.up_proj": (wide, width),
        "mlp.down_proj": (width, wide),
    }
    projections = tuple(Projection(place=place, shape=shape, count=n_layers) for place, shape in shapes.items())
    return BaseFacts(
        architecture="unknown",
        n_parameters=n_parameters,
        n_linear_parameters=min(n_parameters, sum(math.prod(shape) for shape in shapes.values()) * n_layers),
        hidden_size=width,
        intermediate_size=wide,
        n_layers=n_layers,
        n_heads=max(1, width // HEAD),
        n_kv_heads=max(1, width // HEAD // 4),
        vocab_size=vocab_size,
        context_length=context_length,
        weights_bytes=2 * n_parameters,
        stored_dtype="bfloat16",
        linear_modules=tuple(place.rpartition(".")[2] for place in shapes),
        projections=projections,
    )
