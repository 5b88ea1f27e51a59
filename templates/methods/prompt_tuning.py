"""Prompt tuning: learned vectors instead of a written instruction.

**What it does.** Puts a few trained vectors before the tokens of every row, where an instruction would stand. The model
itself is not changed at all.

**When to use it.** When the result must be tiny (a few kilobytes) and the base is large: from a few billion parameters
it comes close to full fine-tuning. **When not:** on small bases, where it learns little and slowly. It needs a large
learning rate and many steps.

**Limits.** There is nothing to merge into the base. Scoring computes rows one by one, so it takes longer than with
LoRA. The virtual tokens take up room in the context.

**Cost.** `num_virtual_tokens` × width parameters; every row is that many tokens longer.

**Source.** Lester et al. 2021, arXiv 2104.08691.
"""

from typing import Literal

from templates.adapted_layers import rates
from templates.spec import BaseFacts, Method, setting
from templates.virtual_tokens import VirtualTokens, n_of


class PromptTuningParams(VirtualTokens):
    """Arguments of `peft.PromptTuningConfig`, under the same names."""

    prompt_tuning_init: Literal["SAMPLE_VOCAB", "RANDOM"] = setting("SAMPLE_VOCAB", "Initialisation")
    """`SAMPLE_VOCAB` starts from the vectors of random words, which the model understands; `RANDOM` from noise."""


def _trained(params: PromptTuningParams, facts: BaseFacts) -> int:
    return params.num_virtual_tokens * facts.hidden_size


SPEC = Method(
    title="Prompt tuning",
    summary="Trains a few vectors before every row, like an instruction that isn't made of words.",
    params=PromptTuningParams,
    trains="adapter",
    place=8,
    changes={"prompt": "trained"},
    peft_type="PROMPT_TUNING",
    quantizations=("none", "int8", "nf4"),
    starts_at_base=False,
    mergeable=False,
    advised=rates(3e-2, 3e-2),
    trains_further=False,
    allows_recasting=False,
    trainable_parameters=_trained,
    virtual_tokens=n_of,
)
