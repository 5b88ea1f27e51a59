"""IA3: learned scaling of keys, values and feed-forward activations.

**What it does.** Three learned vectors per layer rescale what the frozen model computes.
**When to use it.** With very little data, or when the result must be very small.
**When not:** when you need LoRA's quality.
**Source.** Liu et al. 2022, arXiv 2205.05638.
"""

from collections.abc import Mapping
from typing import Any

from templates.spec import BaseFacts, Method, Params


class Ia3Params(Params):
    """Nothing to set: PEFT knows which layers of an architecture to rescale."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 3e-2 if facts.is_small else 3e-3}


def _trained(_params: Ia3Params, facts: BaseFacts) -> int:
    """One number for each key, value and feed-forward activation of a layer."""
    head_size = facts.hidden_size // facts.n_heads
    return facts.n_layers * (2 * facts.n_kv_heads * head_size + facts.intermediate_size)


SPEC = Method(
    title="IA3",
    summary="Rescales activations with a few learned vectors; the result is a very small file.",
    params=Ia3Params,
    trains="adapter",
    peft_type="IA3",
    quantizations=("none", "int8", "nf4"),
    advised=_advised,
    trainable_parameters=_trained,
)
