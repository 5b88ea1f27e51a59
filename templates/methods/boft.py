"""BOFT: rotations made of small ones, arranged like a butterfly.

**What it does.** As OFT, it rotates instead of adding, but builds a rotation of all inputs from small blocks in several
layers of exchange, so that few numbers reach every input. It also rescales each output.

**When to use it.** To compare with OFT. **When not:** when time counts: every step builds the rotations anew.

**Cost.** `boft_block_size` numbers per input in each of its layers, and one per output.

**Source.** Liu et al. 2023, arXiv 2311.06243.
"""

from templates.adapted_layers import AdaptedLayers, counted, divides, rates
from templates.spec import Method, setting


class BoftParams(AdaptedLayers):
    """Arguments of `peft.BOFTConfig`, under the same names."""

    boft_block_size: int = setting(4, "Block size", shown=True, ge=2, le=64)
    """Inputs that are rotated together; it must divide the width of every adapted layer."""
    boft_n_butterfly_factor: int = setting(1, "Layers of exchange", ge=1, le=4)
    """1 rotates blocks only, as OFT does; more let all inputs reach each other."""
    boft_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of blocks left as they are in a training step."""


SPEC = Method(
    title="BOFT",
    summary="Rotates inputs by small rotations arranged like a butterfly.",
    params=BoftParams,
    trains="adapter",
    is_expert=True,
    changes={"attention": "rotated", "mlp": "rotated"},
    peft_type="BOFT",
    quantizations=("none", "int8", "nf4"),
    advised=rates(3e-3, 5e-4),
    trainable_parameters=counted(
        lambda params, outputs, inputs: params.boft_n_butterfly_factor * params.boft_block_size * inputs + outputs
    ),
    problems=divides("boft_block_size"),
)
