"""P-tuning: a learned prompt that a small network writes.

**What it does.** Like prompt tuning, it puts trained vectors before every row. In training, a small network makes the
vectors, so that they depend on each other and are found more easily. The result holds only the vectors.

**When to use it.** Where you would use prompt tuning and it learns too slowly. **When not:** when LoRA is an option;
and not on small bases.

**Limits.** As prompt tuning: nothing to merge, slow scoring, room in the context. A result can't be trained further,
because the network is gone.

**Cost.** A network of three layers in training; the result has `num_virtual_tokens` × width numbers.

**Source.** Liu et al. 2021, arXiv 2103.10385.
"""

from typing import Literal

from templates.adapted_layers import rates
from templates.spec import BaseFacts, Method, setting
from templates.virtual_tokens import VirtualTokens, n_of


class PTuningParams(VirtualTokens):
    """Arguments of `peft.PromptEncoderConfig`, under the same names."""

    encoder_reparameterization_type: Literal["MLP", "LSTM"] = setting("MLP", "Network")
    """`MLP`: three layers for each vector by itself. `LSTM`: one that reads all vectors in order."""
    encoder_hidden_size: int = setting(128, "Width of the network", ge=8, le=8192)
    """More can express more and takes longer to train."""


def _stored(params: PTuningParams, facts: BaseFacts) -> int:
    return params.num_virtual_tokens * facts.hidden_size


def _trained(params: PTuningParams, facts: BaseFacts) -> int:
    width, inner = facts.hidden_size, params.encoder_hidden_size
    if params.encoder_reparameterization_type == "LSTM":
        first, second = 8 * inner * (width + inner + 2), 8 * inner * (2 * inner + inner + 2)
        return _stored(params, facts) + first + second + 2 * inner * (2 * inner + 1) + width * (2 * inner + 1)
    return _stored(params, facts) + inner * (width + 1) + inner * (inner + 1) + width * (inner + 1)


SPEC = Method(
    title="P-tuning",
    summary="Prompt tuning in which a small network writes the vectors while it trains.",
    params=PTuningParams,
    trains="adapter",
    place=9,
    changes={"prompt": "trained"},
    peft_type="P_TUNING",
    quantizations=("none", "int8", "nf4"),
    starts_at_base=False,
    mergeable=False,
    advised=rates(1e-2, 1e-3),
    trains_further=False,
    allows_recasting=False,
    trainable_parameters=_trained,
    stored_parameters=_stored,
    virtual_tokens=n_of,
)
