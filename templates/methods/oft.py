"""OFT: rotates what goes into a layer, block by block.

**What it does.** Splits the inputs of each layer into blocks and learns a rotation of each. Lengths and angles between
the directions inside a block stay the same, so that what the base knows is turned rather than overwritten.

**When to use it.** When the result must stay close to the base, or LoRA is unstable. **When not:** when time counts:
a step takes longer than LoRA's.

**Cost.** A block of b inputs has b (b − 1) / 2 numbers.

**Source.** Qiu et al. 2023, arXiv 2306.07280; the form in use here is that of Qiu et al. 2025, arXiv 2506.19847, which
rotates the inputs instead of the weights.
"""

from templates.adapted_layers import AdaptedLayers, counted, divides, rates
from templates.spec import Method, setting


class OftParams(AdaptedLayers):
    """Arguments of `peft.OFTConfig`, under the same names."""

    oft_block_size: int = setting(32, "Block size", shown=True, ge=2, le=1024)
    """Inputs that are rotated together. Larger blocks learn more; it must divide the width of every adapted layer."""
    module_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of blocks left as they are in a training step."""
    coft: bool = setting(False, "Constrained rotation")
    """Keep each rotation small."""
    block_share: bool = setting(False, "One rotation per layer")
    """All blocks of a layer share one rotation: fewer numbers."""


_trained = counted(
    lambda params, _outputs, inputs: (
        (1 if params.block_share else inputs // params.oft_block_size)
        * params.oft_block_size
        * (params.oft_block_size - 1)
        / 2
    )
)

SPEC = Method(
    title="OFT",
    summary="Rotates the inputs of each layer block by block, which keeps the result close to the base.",
    params=OftParams,
    trains="adapter",
    place=10,
    changes={"attention": "rotated", "mlp": "rotated"},
    peft_type="OFT",
    quantizations=("none", "int8", "nf4"),
    advised=rates(2e-3, 2e-4),
    trainable_parameters=_trained,
    problems=divides("oft_block_size"),
)
