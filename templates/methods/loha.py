"""LoHa: the entrywise product of two low-rank matrices.

**What it does.** Adds (B₁A₁) ∘ (B₂A₂) to each weight. The product of two matrices of rank r can have rank r², with
twice the numbers of one.

**When to use it.** When LoRA needs a large rank. Popular for image models. **When not:** on a base in 4 bits.

**Cost.** Twice LoRA's of the same rank, and the whole matrix is computed in every step.

**Source.** Hyeon-Woo et al. 2021, arXiv 2108.06098.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, fits, rates
from templates.spec import Method, setting


class LohaParams(AdaptedLayers):
    """Arguments of `peft.LoHaConfig`, under the same names."""

    r: int = setting(8, "Rank", shown=True, ge=1, le=1024)
    """Of each of the two matrices."""
    alpha: int = setting(8, "Alpha", ge=1, le=4096)
    """Strength of the adapter: its output is scaled by alpha / rank."""
    rank_dropout: float = setting(0.0, "Dropout of directions", ge=0, lt=1)
    """Share of rows left out in a training step."""
    module_dropout: float = setting(0.0, "Dropout of layers", ge=0, lt=1)
    """Share of layers left out in a training step."""


SPEC = Method(
    title="LoHa",
    summary="Adds the entrywise product of two low-rank matrices.",
    params=LohaParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="LOHA",
    quantizations=("none", "int8"),
    advised=rates(5e-3, 5e-4),
    trainable_parameters=counted(lambda params, outputs, inputs: 2 * params.r * (outputs + inputs)),
    problems=fits,
)
