"""VeRA: random matrices shared by all layers, and two learned vectors in each.

**What it does.** As LoRA, but the two thin matrices are random, frozen and the same in every layer. A layer learns only
which of their directions to use, and how much: Λ_b B Λ_d A.

**When to use it.** When many small results must be kept: it trains about a tenth of what LoRA trains. **When not:**
when you need LoRA's quality with few rows. It needs a learning rate about ten times LoRA's.

**Cost.** `r` numbers and one for each output of a layer. The file also holds the shared random matrices, so that it can
be loaded everywhere; a forward pass costs more than LoRA's, because the rank is higher.

**Source.** Kopiczko et al. 2023, arXiv 2310.11454.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, fits, rates, targets
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Quantization, setting


class VeraParams(AdaptedLayers):
    """Arguments of `peft.VeraConfig`, under the same names."""

    r: int = setting(256, "Rank", shown=True, ge=1, le=4096)
    """Width of the shared matrices. Choose it much larger than LoRA's: it costs little."""
    d_initial: float = setting(0.1, "Initial value of Λ_d", gt=0, le=10)
    """How strongly the shared directions count at first."""
    vera_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training."""


_trained = counted(lambda params, outputs, _inputs: params.r + outputs)


def _stored(params: VeraParams, facts: BaseFacts) -> int:
    shapes = [one.shape for one in targets(params, facts)]
    widest = max((outputs for outputs, _ in shapes), default=0) + max((inputs for _, inputs in shapes), default=0)
    return _trained(params, facts) + params.r * widest


def _problems(params: VeraParams, quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    return fits(params.model_copy(update={"r": 1}), quantization, facts)  # its rank may exceed the width


SPEC = Method(
    title="VeRA",
    summary="Learns two vectors per layer over random matrices that all layers share.",
    params=VeraParams,
    trains="adapter",
    place=11,
    changes=BOTH,
    peft_type="VERA",
    quantizations=("none", "int8", "nf4"),
    advised=rates(2e-2, 4e-3),
    allows_recasting=False,
    trainable_parameters=_trained,
    stored_parameters=_stored,
    problems=_problems,
)
