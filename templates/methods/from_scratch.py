"""Training from random weights.

**What it does.** The base lends its architecture and its tokenizer only: every weight is drawn anew
at random, and then all of them are trained. What the base had learned is gone.

**When to use it.** To pretrain a model of your own (objective *pretraining*), or as the honest
control: the same data, the same size, and no pretraining. If it scores as well as an adapted base,
the base's knowledge did not help. **When not:** to get a good model from little data.

**Cost.** As full fine-tuning; it needs many more tokens than adapting does.

**Source.** The initialisation is the architecture's own, a normal distribution of width
`initializer_range` for projections and embeddings.
"""

from collections.abc import Mapping
from typing import Any

from templates.spec import BaseFacts, Method, Params


class FromScratchParams(Params):
    """Nothing to set: the seed of the training draws the weights too."""


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 1e-3 if facts.is_small else 3e-4}


SPEC = Method(
    title="From scratch",
    summary="Draws every weight anew and trains them all: for pretraining, or as an honest control.",
    params=FromScratchParams,
    trains="all_weights",
    starts_at_base=False,
    advised=_advised,
)
