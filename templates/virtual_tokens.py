"""Methods that train vectors before a row's tokens and leave the model as it is."""

from __future__ import annotations

from templates.spec import BaseFacts, Params, setting


class VirtualTokens(Params):
    """Settings of every such method."""

    num_virtual_tokens: int = setting(20, "Virtual tokens", shown=True, unit="tokens", ge=1, le=1024)
    """Trained vectors before every row. More can express more, and every row takes them up in the context."""


def n_of(params: VirtualTokens) -> int:
    """Tokens before every row."""
    return params.num_virtual_tokens


def key_width(facts: BaseFacts) -> int:
    """Numbers that a layer keeps per token as keys, and as many as values."""
    made = [one for one in facts.projections if one.place.rpartition(".")[2] == "k_proj"]
    if made:
        return made[0].other_than(facts.hidden_size)
    return facts.hidden_size * facts.n_kv_heads // facts.n_heads
