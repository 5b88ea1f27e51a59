"""SHiRA: a few of the base's own weights, chosen at random.

**What it does.** Trains a small random share of each layer's weights directly, as many as LoRA of the same rank would
train.

**When to use it.** When results must be switched very quickly, or several applied at once: they hardly overlap. **When
not:** when other programs must serve it as LoRA, or on a base in 8 bits: the layers would compute without the
rounding of 8 bits, so the training would not start from that base.

**Cost.** As LoRA of the same rank, and the places of the trained weights.

**Source.** Bhardwaj et al. 2024, arXiv 2406.13175.
"""

from templates.adapted_layers import AdaptedLayers, counted, fits, rates, targets
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Quantization, setting


class ShiraParams(AdaptedLayers):
    """Arguments of `peft.ShiraConfig`, under the same names."""

    r: int = setting(32, "Rank", shown=True, ge=1, le=1024)
    """As many weights are trained as LoRA of this rank would train."""
    random_seed: int = setting(42, "Seed of the choice", ge=0, le=2**32 - 1)
    """Which weights are trained."""


def _problems(params: ShiraParams, quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    found = fits(params, quantization, facts)
    shapes = [one.shape for one in targets(params, facts)] if facts else []
    most = min((outputs * inputs // (outputs + inputs) for outputs, inputs in shapes), default=params.r)
    if not found and params.r > most:
        what = f"rank {params.r} would train more weights than the smallest adapted layer has."
        found.append(Problem(what, field="r", remedy=f"Use at most {most}."))
    return found


SPEC = Method(
    title="SHiRA",
    summary="Trains a few of each layer's own weights, chosen at random.",
    params=ShiraParams,
    trains="adapter",
    is_expert=True,
    changes={"attention": "trained", "mlp": "trained"},
    peft_type="SHIRA",
    quantizations=("none", "nf4"),
    advised=rates(2e-3, 2e-4),
    trainable_parameters=counted(lambda params, outputs, inputs: params.r * (outputs + inputs)),
    problems=_problems,
)
