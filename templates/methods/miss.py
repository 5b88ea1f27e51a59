"""MiSS: one small matrix, repeated along the inputs.

**What it does.** Sums the inputs of a layer in groups and multiplies the sums by one trained matrix. So the added
matrix repeats itself along the inputs: half of LoRA's numbers at the same rank, and a cheaper step.

**When to use it.** As a quicker LoRA. It can be turned into LoRA without loss. **When not:** when chat must serve
many results on one base together.

**Cost.** `r` numbers for each output of a layer.

**Source.** Kang and Yin 2024, arXiv 2409.15371.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, fits, rates
from templates.spec import Method, setting


class MissParams(AdaptedLayers):
    """Arguments of `peft.MissConfig`, under the same names."""

    r: int = setting(64, "Rank", shown=True, ge=1, le=1024)
    """Groups into which the inputs are summed."""
    miss_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training."""


SPEC = Method(
    title="MiSS",
    summary="Adds one small matrix that repeats itself along the inputs.",
    params=MissParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="MISS",
    quantizations=("none", "int8", "nf4"),
    advised=rates(1e-3, 1e-4),
    trainable_parameters=counted(lambda params, outputs, _inputs: params.r * outputs),
    problems=fits,
)
