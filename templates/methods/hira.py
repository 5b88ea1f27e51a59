"""HiRA: multiplies the base's weights instead of adding to them.

**What it does.** Adds W ∘ BA to each weight W: the low-rank matrix says by which share every weight changes, so that
the change can have full rank, and large weights change most.

**When to use it.** Instead of LoRA on tasks that need more than a low rank. **When not:** when other programs must
serve it as LoRA.

**Cost.** As LoRA of the same rank; the whole matrix is computed in every step.

**Source.** Huang et al. 2025, *HiRA: Parameter-efficient Hadamard high-rank adaptation*, ICLR 2025.
"""

from templates.adapted_layers import AdaptedLayers, counted, fits, rates
from templates.spec import Method, setting


class HiraParams(AdaptedLayers):
    """Arguments of `peft.HiraConfig`, under the same names."""

    r: int = setting(32, "Rank", shown=True, ge=1, le=1024)
    """Width of the trained matrices."""
    hira_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training."""


SPEC = Method(
    title="HiRA",
    summary="Multiplies each weight by a learned low-rank pattern.",
    params=HiraParams,
    trains="adapter",
    is_expert=True,
    changes={"attention": "rescaled", "mlp": "rescaled"},
    peft_type="HIRA",
    quantizations=("none", "int8", "nf4"),
    advised=rates(1e-2, 2e-3),
    trainable_parameters=counted(lambda params, outputs, inputs: params.r * (outputs + inputs)),
    problems=fits,
)
