"""Tells a model's attention layers from its feed-forward layers, by their names alone.

Layers are named by their place in a block: `self_attn.q_proj` for `model.layers.7.self_attn.q_proj`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

Group = Literal["attention", "mlp"]
ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)
ATTENTION_PROJECTIONS = re.compile(r"[qkvo]_proj|qkv_proj|query_key_value|c_attn|Wqkv|w[qkvo]|query|key|value")
"""Names of attention projections where nothing around them is called attention."""
KEYS_OR_VALUES = re.compile(r"(^|_)(k|v|kv|qkv|key|value)(_|$)|query_key_value|c_attn|wqkv|wk$|wv$", re.IGNORECASE)
EXPERTS = "experts"


class Projection(BaseModel):
    """Weight matrices with the same place in every block, and the same shape."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str
    shape: tuple[int, int]
    """As stored: most architectures store `(outputs, inputs)`, those with `Conv1D` the other way round."""
    count: int

    def other_than(self, width: int) -> int:
        """Its size on the side that is not the model's width."""
        return max((size for size in self.shape if size != width), default=width)


def place_in_block(name: str) -> str:
    """A layer's name from its block on, without numbers; the whole name if it stands outside the blocks."""
    parts = name.split(".")
    first = next((place for place, part in enumerate(parts) if part.isdigit()), -1)
    return ".".join(part for part in parts[first + 1 :] if not part.isdigit())


def is_attention(place: str) -> bool:
    """Whether a projection belongs to attention."""
    return ATTENTION.search(place) is not None or ATTENTION_PROJECTIONS.fullmatch(place.rpartition(".")[2]) is not None


def in_group(place: str, group: Group) -> bool:
    """Whether a projection belongs to the group; all that is not attention is feed-forward."""
    return is_attention(place) == (group == "attention")


def makes_keys_or_values(place: str) -> bool:
    """Whether a projection's outputs are, or contain, attention's keys or values."""
    return is_attention(place) and KEYS_OR_VALUES.search(place.rpartition(".")[2]) is not None


def names(projections: Iterable[Projection]) -> str:
    """The layers' names for a message."""
    return ", ".join(sorted({projection.place for projection in projections}))
