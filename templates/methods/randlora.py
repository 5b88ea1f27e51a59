"""RandLoRA: full rank from random matrices.

**What it does.** Adds a sum of many random low-rank products, each weighted by learned diagonal matrices. The random
parts are frozen and shared; together the sum can have full rank, which LoRA's can't.

**When to use it.** When a LoRA of large rank still falls short of full fine-tuning. **When not:** when time counts.

**Cost.** About as many numbers as LoRA; the file also holds the shared random matrices.

**Source.** Albert et al. 2025, arXiv 2502.00987.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, fits, rates, targets
from templates.spec import BaseFacts, Method, setting


class RandloraParams(AdaptedLayers):
    """Arguments of `peft.RandLoraConfig`, under the same names."""

    r: int = setting(32, "Rank of each product", shown=True, ge=1, le=1024)
    """Smaller means more products, and more numbers to learn."""
    randlora_alpha: int = setting(640, "Alpha", ge=1, le=100_000)
    """Strength of the adapter: its output is scaled by alpha / rank. Usually twenty times the rank."""
    randlora_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training."""


def _of_layer(params: RandloraParams, outputs: int, inputs: int) -> float:
    least = min(outputs, inputs)
    return -(-least // params.r) * (params.r + least)


_trained = counted(_of_layer)


def _stored(params: RandloraParams, facts: BaseFacts) -> int:
    shapes = [one.shape for one in targets(params, facts)]
    least, most = (max((pick(shape) for shape in shapes), default=0) for pick in (min, max))
    return _trained(params, facts) + (least + most) * -(-least // params.r) * params.r


SPEC = Method(
    title="RandLoRA",
    summary="Weights many shared random products, whose sum can have full rank.",
    params=RandloraParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="RANDLORA",
    quantizations=("none", "int8", "nf4"),
    advised=rates(1e-3, 1e-4),
    trainable_parameters=_trained,
    stored_parameters=_stored,
    problems=fits,
)
