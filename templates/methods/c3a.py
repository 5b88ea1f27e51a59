"""C³A: circular convolutions instead of matrices.

**What it does.** Cuts each weight into square blocks and adds to each a matrix whose rows are one learned row, shifted.
Multiplying by such a matrix is a circular convolution, and its rank can be full.

**When to use it.** When few numbers should change a layer in full rank. **When not:** where no block size divides all
widths.

**Cost.** A block of b × b has b numbers.

**Source.** Chen et al. 2024, arXiv 2407.19342.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, divides, rates
from templates.spec import Method, setting


class C3aParams(AdaptedLayers):
    """Arguments of `peft.C3AConfig`, under the same names."""

    block_size: int = setting(64, "Block size", shown=True, ge=1, le=4096)
    """Larger blocks have fewer numbers; it must divide both widths of every adapted layer."""
    init_weights: bool = setting(True, "Start at the base")
    """Begin with rows of zeros; otherwise with random ones, as in the paper."""


SPEC = Method(
    title="C³A",
    summary="Adds blocks that repeat one learned row, shifted.",
    params=C3aParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="C3A",
    quantizations=("none", "int8", "nf4"),
    advised=rates(1.5e-2, 1e-2),
    trainable_parameters=counted(lambda params, outputs, inputs: outputs * inputs / params.block_size),
    problems=divides("block_size", "both"),
)
