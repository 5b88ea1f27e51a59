"""Prefix tuning: learned keys and values before every row, in every layer.

**What it does.** Every layer's attention can look at trained keys and values, as if they belonged to tokens before the
row. Prompt tuning reaches only the first layer; this reaches all of them.

**When to use it.** For generation tasks on a frozen base, where prompt tuning learns too little. **When not:** when
LoRA is an option, which usually learns more from the same data.

**Limits.** Nothing to merge; slow scoring; room in the context. It works only where every layer keeps keys and values
of all tokens, and not with gradient checkpointing.

**Cost.** `num_virtual_tokens` × 2 × layers × width of the keys; every row is that many tokens longer for attention.

**Source.** Li and Liang 2021, arXiv 2101.00190.
"""

from typing import Literal

from templates.adapted_layers import rates
from templates.spec import BaseFacts, Method, setting
from templates.virtual_tokens import VirtualTokens, key_width, n_of


class PrefixTuningParams(VirtualTokens):
    """Arguments of `peft.PrefixTuningConfig`, under the same names."""

    init_weights: Literal["default", "zero"] = setting("default", "Initialisation")
    """`default` draws small random numbers; `zero` starts nearer to the base, and learns more slowly."""


def _trained(params: PrefixTuningParams, facts: BaseFacts) -> int:
    return params.num_virtual_tokens * 2 * facts.n_layers * key_width(facts)


SPEC = Method(
    title="Prefix tuning",
    summary="Trains keys and values before every row in every layer; the model stays as it is.",
    params=PrefixTuningParams,
    trains="adapter",
    place=7,
    changes={"prompt": "trained", "attention": "prefixed"},
    peft_type="PREFIX_TUNING",
    quantizations=("none", "int8", "nf4"),
    starts_at_base=False,
    mergeable=False,
    advised=rates(3e-2, 1e-2),
    trains_further=False,
    trainable_parameters=_trained,
    virtual_tokens=n_of,
    allows_gradient_checkpointing=False,
)
