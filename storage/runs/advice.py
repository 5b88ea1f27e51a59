"""What the studio advises today for a job's goal, method and base model."""

from __future__ import annotations

from dataclasses import dataclass

from storage.bases import base_models
from storage.gallery import artifacts
from storage.job_inputs import Inputs
from storage.models import Artifact
from templates.errors import StudioError
from templates.recipe import Recipe, compose
from templates.roles import Role
from templates.spec import PRESET_TITLES, BaseFacts, Preset


@dataclass(frozen=True)
class Advice:
    """The advised recipe of the effort that is closest to a job's own recipe."""

    effort: Preset
    recipe: Recipe


def of(recipe: Recipe, inputs: Inputs) -> Advice | None:
    """The advice for a job with this recipe and these inputs; None if its goal, method or base can't be used now."""
    model = inputs.model(Role.BASE)
    base = artifacts.base_of(model) if isinstance(model, Artifact) else model
    if base is None:
        return None
    try:
        return nearest(recipe, base_models.facts(base))
    except StudioError:
        return None  # a later version of the studio may lack a goal or a method, or refuse the pair


def nearest(recipe: Recipe, facts: BaseFacts) -> Advice:
    """The advice of the effort with the fewest differences. Raises `StudioError` for choices that can't be used."""
    found = [
        Advice(
            effort,
            compose(recipe.objective, recipe.method, preset=effort, quantization=recipe.quantization, facts=facts),
        )
        for effort in PRESET_TITLES
    ]
    return min(found, key=lambda one: (len(differences(recipe, one.recipe)), one.effort != "balanced"))


def differences(recipe: Recipe, advised: Recipe) -> dict[str, object]:
    """The recipe's parameters with other values than the advised ones."""
    mine = {**recipe.objective_params, **recipe.method_params}
    others = {**advised.objective_params, **advised.method_params}
    return {name: value for name, value in mine.items() if name in others and others[name] != value}
