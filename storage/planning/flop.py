"""Counts a token's floating-point operations, and what a layer keeps of it.

With N parameters in matrix products, a token costs 2N FLOP forward and 2N or 4N backward (frozen or
trained weights; Kaplan et al. 2020, arXiv 2001.08361, section 2.1).
"""

from __future__ import annotations

from collections.abc import Mapping

from templates import registry
from templates.recipe import Recipe
from templates.spec import BaseFacts

SLOWDOWN: Mapping[str, float] = {"none": 1.0, "int8": 1.5, "nf4": 1.5}


def kept_per_token(facts: BaseFacts) -> int:
    """Values that one layer keeps per token for the backward pass: norms, projections, gate and product."""
    return 9 * facts.hidden_size + 4 * facts.intermediate_size


def flop_per_token(facts: BaseFacts, recipe: Recipe, length: float, *, forward_only: bool = False) -> float:
    """Floating-point operations per token in rows of this length, allowing for slower precisions."""
    matmul = facts.n_linear_parameters + facts.vocab_size * facts.hidden_size
    attention = 2 * facts.n_layers * facts.hidden_size * length
    passes = 2.0
    if not forward_only:
        passes = _passes(facts, recipe)
        passes += 2 if recipe.training().gradient_checkpointing else 0
        passes += 2 * _further_forwards(recipe)
    return passes * (matmul + attention) * SLOWDOWN[recipe.quantization]


def reference_share(facts: BaseFacts, recipe: Recipe, length: float) -> float:
    """The share of a training's operations that its reference takes."""
    whole = flop_per_token(facts, recipe, length)
    return _of_reference(recipe) * flop_per_token(facts, recipe, length, forward_only=True) / whole


def _further_forwards(recipe: Recipe) -> float:
    """Forward passes beside the one that is trained."""
    cost = registry.objective(recipe.objective).cost
    return cost.forwards - 1 - cost.reference_forwards + _of_reference(recipe)


def _of_reference(recipe: Recipe) -> float:
    """The reference's forward passes in one pass over the rows."""
    training, n = recipe.training(), registry.objective(recipe.objective).cost.reference_forwards
    return n / max(1.0, training.num_train_epochs) if training.reads_reference_once else n


def _passes(facts: BaseFacts, recipe: Recipe) -> float:
    """Operations per weight and token, forward and backward."""
    method = registry.method(recipe.method)
    if method.trains == "some_weights":  # what lies below the first trained block needs no gradient
        return 2 + 4 * method.n_trained(recipe.adaptation(), facts) / facts.n_parameters
    return 6 if method.trains == "all_weights" else 4
