"""Full fine-tuning.

**What it does.** Training changes every weight of the model. The result is a whole model of the
base's size, not an adapter.

**When to use it.** When the last point of quality counts, when you have a lot of data (tens of
thousands of rows), or for continued pretraining on a small base. **When not:** with little data or
memory, or when the model must keep its other abilities: full fine-tuning forgets more than LoRA
(Biderman et al. 2024, *LoRA learns less and forgets less*, arXiv 2405.09673).

**Cost.** Weights, gradients and two optimiser states: about 16 bytes per parameter, and about
one and a half times the compute of LoRA.
"""

from collections.abc import Mapping
from typing import Any

from templates.spec import BaseFacts, Method, Params


class FullParams(Params):
    """Nothing to set: all weights are trained."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 5e-4 if facts.is_small else 1e-5}


SPEC = Method(
    title="Full fine-tuning",
    summary="Trains every weight; the result is a whole new model.",
    params=FullParams,
    trains="all_weights",
    place=2,
    changes=dict.fromkeys(("embeddings", "attention", "mlp", "norms", "head"), "trained"),
    advised=_advised,
)
