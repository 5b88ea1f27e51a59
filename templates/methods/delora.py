"""DeLoRA: LoRA with a bounded strength.

**What it does.** Normalises LoRA's directions and learns one strength per layer for all of them. So the change of a
layer can't grow without bound, and long training at high rates stays stable.

**When to use it.** When LoRA diverges or forgets at the rate it needs. **When not:** on a quantized base.

**Cost.** As LoRA of the same rank, and one number per layer.

**Source.** Bini et al. 2025, arXiv 2503.18225.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, fits, rates
from templates.spec import Method, setting


class DeloraParams(AdaptedLayers):
    """Arguments of `peft.DeloraConfig`, under the same names."""

    r: int = setting(8, "Rank", shown=True, ge=1, le=1024)
    """Width of the trained matrices."""
    delora_lambda: int = setting(15, "Strength at first", ge=1, le=1000)
    """Bound of the change; it is trained too."""
    module_dropout: float = setting(0.0, "Dropout of layers", ge=0, lt=1)
    """Share of layers left out in a training step."""


SPEC = Method(
    title="DeLoRA",
    summary="LoRA whose strength is learned apart from its directions, and bounded.",
    params=DeloraParams,
    trains="adapter",
    is_expert=True,
    changes=BOTH,
    peft_type="DELORA",
    advised=rates(5e-3, 1e-3),
    allows_recasting=False,
    trainable_parameters=counted(lambda params, outputs, inputs: params.r * (outputs + inputs) + 1),
    problems=fits,
)
