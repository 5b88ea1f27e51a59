"""IA3: learned scaling of keys, values and feed-forward activations.

**What it does.** Three learned vectors per layer rescale what the frozen model computes.

**When to use it.** With very little data, or when the result must be very small.

**When not:** when you need LoRA's quality.

**Source.** Liu et al. 2022, arXiv 2205.05638.
"""

from collections.abc import Mapping
from typing import Any

from templates import layers
from templates.spec import BaseFacts, Method, Params


class Ia3Params(Params):
    """Nothing to set: the layers to rescale are found by their names and shapes."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 3e-2 if facts.is_small else 3e-3}


def _trained(_params: Ia3Params, facts: BaseFacts) -> int:
    """One number for each output of a layer that makes keys or values, and for each feed-forward activation."""
    made = [projection for projection in facts.projections if layers.makes_keys_or_values(projection.place)]
    outputs = sum(projection.count * projection.other_than(facts.hidden_size) for projection in made)
    return outputs + facts.n_layers * facts.intermediate_size


SPEC = Method(
    title="IA3",
    summary="Rescales activations with a few learned vectors; the result is a very small file.",
    params=Ia3Params,
    trains="adapter",
    place=6,
    changes={"attention": "rescaled", "mlp": "rescaled"},
    peft_type="IA3",
    quantizations=("none", "int8", "nf4"),
    advised=_advised,
    trainable_parameters=_trained,
)
