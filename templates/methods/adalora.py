"""AdaLoRA: LoRA that spends its rank where it helps.

**What it does.** Writes LoRA's two matrices as a product of directions, each with a weight of its own, begins with more
of them than it may keep, and drops the least useful ones while it trains. Layers that need more rank keep more.

**When to use it.** When a LoRA of small rank is not quite enough and the file must stay small. **When not:** in short
runs: the dropping needs some hundred updates to tell useful from useless. Then LoRA is as good and simpler.

**How the rank falls.** The first `tinit` of the updates train at full rank; then it falls from `init_r` to a mean of
`target_r`; the last `tfinal` train what is left. Both are shares of the run. The training chart's loss includes a
penalty that keeps the directions apart, so it is higher than the held-out loss.

**Cost.** As LoRA of rank `init_r`, and the usefulness of every trained number is kept in memory.

**Source.** Zhang et al. 2023, arXiv 2303.10512.
"""

from templates.adapted_layers import BOTH, AdaptedLayers, counted, no_such_layers, rates
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Quantization, setting


class AdaloraParams(AdaptedLayers):
    """Arguments of `peft.AdaLoraConfig`, under the same names."""

    init_r: int = setting(12, "Rank at first", ge=1, le=1024)
    """Of every layer, before anything is dropped."""
    target_r: int = setting(8, "Mean rank at the end", shown=True, ge=1, le=1024)
    """What is left on average; some layers keep more, others less."""
    lora_alpha: int = setting(32, "Alpha", ge=1, le=4096)
    """Strength of the adapter."""
    lora_dropout: float = setting(0.0, "Dropout", ge=0, lt=1)
    """Share of adapter inputs zeroed during training."""
    tinit: float = setting(0.1, "Updates before the rank falls", ge=0, lt=1)
    """As a share of the run."""
    tfinal: float = setting(0.3, "Updates after it has fallen", ge=0, lt=1)
    """As a share of the run."""
    deltaT: int = setting(1, "Updates between two decisions", ge=1, le=1000)
    """How often the least useful directions are dropped."""
    beta1: float = setting(0.85, "Memory of the usefulness", gt=0, lt=1)
    """How slowly the measured usefulness changes."""
    beta2: float = setting(0.85, "Memory of its uncertainty", gt=0, lt=1)
    """The same for how uncertain it is."""
    orth_reg_weight: float = setting(0.5, "Weight of the penalty", ge=0, le=10)
    """How strongly the directions are kept apart from each other."""


def _problems(params: AdaloraParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    found = no_such_layers(params, facts)
    if params.target_r >= params.init_r:
        message = f"the rank can't fall from {params.init_r} to {params.target_r}."
        found.append(Problem(message, field="target_r", remedy=f"Use less than {params.init_r}, or raise init_r."))
    if facts and params.init_r > facts.hidden_size:
        message = f"rank {params.init_r} is larger than the base model's width of {facts.hidden_size}."
        found.append(Problem(message, field="init_r", remedy=f"Use at most {facts.hidden_size}."))
    if params.tinit + params.tfinal >= 1:
        message = "together with tinit it leaves no updates in which the rank could fall."
        found.append(Problem(message, field="tfinal", remedy="Keep the sum below 1, such as 0.1 and 0.3."))
    return found


SPEC = Method(
    title="AdaLoRA",
    summary="LoRA that begins with more rank than it keeps, and drops the least useful directions.",
    params=AdaloraParams,
    trains="adapter",
    place=4,
    changes=BOTH,
    peft_type="ADALORA",
    quantizations=("none", "int8", "nf4"),
    advised=rates(5e-3, 1e-3),
    trains_further=False,
    allows_reference=False,
    adds_to_loss=True,
    trainable_parameters=counted(lambda params, outputs, inputs: params.init_r * (outputs + inputs + 1)),
    problems=_problems,
)
