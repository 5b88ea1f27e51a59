"""LN tuning: only the norms are trained.

**What it does.** Trains the scales (and offsets) of the model's layer norms, and nothing else.

**When to use it.** For a small shift of style or domain on a large base, with a tiny file: a few hundredths of a
percent of the weights. It is also an honest lower bound: what it reaches needs no larger method. **When not:** for a
task that the base can't already do.

**Cost.** Two vectors of the model's width per block.

**Source.** Zhao et al. 2023, arXiv 2312.11420.
"""

from templates.adapted_layers import rates
from templates.spec import BaseFacts, Method, Params


class LnTuningParams(Params):
    """Nothing to set: every norm is trained."""


def _trained(_params: LnTuningParams, facts: BaseFacts) -> int:
    return (2 * facts.n_layers + 1) * facts.hidden_size


SPEC = Method(
    title="LN tuning",
    summary="Trains only the layer norms' scales; the result is a very small file.",
    params=LnTuningParams,
    trains="adapter",
    place=12,
    changes={"norms": "trained"},
    peft_type="LN_TUNING",
    quantizations=("none", "int8", "nf4"),
    advised=rates(2e-2, 1e-3),
    trainable_parameters=_trained,
)
