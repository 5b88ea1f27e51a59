"""HRA: a chain of mirrors.

**What it does.** Multiplies each weight by a chain of learned reflections. A chain of r reflections is a rotation and a
change of rank r at once, which bridges OFT and LoRA.

**When to use it.** To compare with OFT at fewer numbers. **When not:** on a base in 8 or 4 bits.

**Cost.** `r` numbers for each input of a layer.

**Source.** Yuan et al. 2024, arXiv 2405.17484.
"""

from templates.adapted_layers import AdaptedLayers, counted, no_such_layers, rates
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Quantization, setting


class HraParams(AdaptedLayers):
    """Arguments of `peft.HRAConfig`, under the same names."""

    r: int = setting(8, "Reflections", shown=True, ge=2, le=1024)
    """An even number, so that they cancel out at first."""
    apply_GS: bool = setting(False, "Orthogonal mirrors")
    """Make the mirrors orthogonal to each other (Gram–Schmidt)."""


def _problems(params: HraParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    found = no_such_layers(params, facts)
    if params.r % 2:
        found.append(Problem("must be even.", field="r", remedy=f"Use {params.r + 1}."))
    return found


SPEC = Method(
    title="HRA",
    summary="Multiplies each weight by a chain of learned reflections.",
    params=HraParams,
    trains="adapter",
    is_expert=True,
    changes={"attention": "rotated", "mlp": "rotated"},
    peft_type="HRA",
    quantizations=("none",),
    advised=rates(5e-3, 1e-3),
    trainable_parameters=counted(lambda params, _outputs, inputs: params.r * inputs),
    problems=_problems,
)
