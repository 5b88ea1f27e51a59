"""GraLoRA: LoRA in blocks.

**What it does.** Cuts each weight into k × k blocks and gives each block matrices of its own, with a k-th of the
rank. The numbers stay the same; the change as a whole can have k times the rank.

**When to use it.** When a LoRA of large rank overfits. **When not:** when other programs must serve it as LoRA
without a conversion.

**Cost.** As LoRA of the same rank.

**Source.** Jung et al. 2025, arXiv 2505.20355.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, divides, rates
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Quantization, setting


class GraloraParams(AdaptedLayers):
    """Arguments of `peft.GraloraConfig`, under the same names."""

    r: int = setting(32, "Rank", shown=True, ge=1, le=1024)
    """Width of the trained matrices of all blocks together."""
    alpha: int = setting(64, "Alpha", ge=1, le=4096)
    """Strength of the adapter: its output is scaled by alpha / rank."""
    gralora_k: int = setting(2, "Blocks on each side", ge=1, le=64)
    """It must divide the rank and both widths of every adapted layer."""
    gralora_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training."""


def _problems(params: GraloraParams, quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    found = divides("gralora_k", "both")(params, quantization, facts)
    if params.r % params.gralora_k:
        message = f"{params.r} can't be shared out among {params.gralora_k} blocks."
        found.append(Problem(message, field="r", remedy=f"Use a multiple of {params.gralora_k}."))
    return found


SPEC = Method(
    title="GraLoRA",
    summary="LoRA cut into blocks, each with matrices of its own.",
    params=GraloraParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="GRALORA",
    quantizations=("none", "int8", "nf4"),
    advised=rates(2e-3, 2e-4),
    trainable_parameters=counted(lambda params, outputs, inputs: params.r * (outputs + inputs)),
    problems=_problems,
)
