"""Training from random weights.

**What it does.** The base provides only its architecture and its tokenizer. Every weight starts at
random, and all of them are trained. Nothing that the base had learned remains.

**When to use it.** To pretrain a model of your own (objective *pretraining*), or as an honest
control: the same data, the same size, and no pretraining. If it scores as well as an adapted base,
the base's knowledge did not help. **When not:** to get a good model from little data.

**Cost.** The same as full fine-tuning, but it needs many more tokens.

**Source.** The initialisation is the architecture's own, a normal distribution of width
`initializer_range` for projections and embeddings.
"""

from collections.abc import Mapping
from typing import Any

from templates.spec import BaseFacts, Method, Params


class FromScratchParams(Params):
    """Nothing to set: the training seed also draws the weights."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 1e-3 if facts.is_small else 3e-4}


SPEC = Method(
    title="From scratch",
    summary="Starts from random weights and trains them all: for pretraining, or as an honest control.",
    params=FromScratchParams,
    trains="all_weights",
    place=15,
    changes=dict.fromkeys(("embeddings", "attention", "mlp", "norms", "head"), "trained"),
    starts_at_base=False,
    advised=_advised,
)
