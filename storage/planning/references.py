"""What the reference of a training costs: the base behind the adapter, which reads the rows as well."""

from __future__ import annotations

from storage.planning.estimates import Estimate
from storage.planning.flop import reference_share
from templates import registry
from templates.recipe import Recipe
from templates.spec import BaseFacts


def share(recipe: Recipe, facts: BaseFacts, estimate: Estimate) -> float:
    """The share of the training's time in which the reference reads."""
    return reference_share(facts, recipe, estimate.tokens / max(1, estimate.n_rows))


def sentence(recipe: Recipe, facts: BaseFacts, estimate: Estimate) -> str:
    """What the reference takes, for people; empty without one."""
    if not registry.objective(recipe.objective).cost.reference_forwards:
        return ""
    seconds = share(recipe, facts, estimate) * estimate.seconds_by_stage["training"]
    minutes = f"≈ {seconds / 60:.0f} min" if seconds >= 90 else f"≈ {seconds:.0f} s"
    when = "once, before the training" if recipe.training().reads_reference_once else "in every step"
    return (
        f"The reference is the base with the adapter switched off. It takes no memory of its own; reading the rows "
        f"with it, {when}, takes {minutes} of the training."
    )
