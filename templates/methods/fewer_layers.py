"""A smaller copy: some of the base's layers, all weights trained.

**What it does.** Keeps every k-th layer of the base, evenly spaced from the first to the last, with embeddings and
head, and trains all weights. The result is a whole model that is smaller and faster than its base.

**When to use it.** As the student in distillation, with the base, or a result made from it, as the teacher: a copy of
the teacher's layers starts much nearer to it than random weights (DistilBERT, Sanh et al. 2019, arXiv 1910.01108,
section 2). **When not:** without much training. Until then the model speaks worse than the base, or not at all.

**Cost.** Training as full fine-tuning, with the layers that are kept.
"""

from collections.abc import Mapping
from typing import Any

from templates.errors import Problem
from templates.spec import BaseFacts, Method, Params, Quantization, setting


class FewerLayersParams(Params):
    """How many layers stay."""

    every: int = setting(2, "Keep one layer in", shown=True, unit="layers", ge=2, le=64)
    """2 keeps half of the layers, 3 a third."""


def n_kept(every: int, n_layers: int) -> int:
    """Number of layers that stay; at least one."""
    return max(1, -(-n_layers // every))


def _advised(facts: BaseFacts) -> Mapping[str, Any]:
    return {"learning_rate": 5e-4 if facts.is_small else 5e-5}


def _trained(params: FewerLayersParams, facts: BaseFacts) -> int:
    dropped = facts.n_layers - n_kept(params.every, facts.n_layers)
    return facts.n_parameters - dropped * facts.n_linear_parameters // facts.n_layers


def _problems(params: FewerLayersParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    if facts is None or params.every <= facts.n_layers:
        return []
    what = f"the base has only {facts.n_layers} layers."
    return [Problem(what, field="every", remedy=f"Use at most {facts.n_layers}.")]


SPEC = Method(
    title="A smaller copy of the base",
    summary="Keeps every k-th layer and trains all weights: a student for distillation.",
    params=FewerLayersParams,
    trains="all_weights",
    place=14,
    changes=dict.fromkeys(("embeddings", "attention", "mlp", "norms", "head"), "trained"),
    starts_at_base=False,
    advised=_advised,
    trainable_parameters=_trained,
    problems=_problems,
)
