"""The training form's choice of a reward model, for the objectives that one may reward."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.formats import percent
from app.pages.filled import Filled
from storage.data import dataset_lists
from storage.gallery import artifact_lists
from storage.models import Artifact, User
from storage.planning import reward_models
from templates import registry

NONE = ""
"""The choice of checks alone."""
LABEL = "Reward model"
INFO = "Its scores reward answers, alone or together with the checks that you pick below."
MAKES = "reward"
"""The objective that makes reward models."""


def draw() -> gr.Dropdown:
    """The choice, hidden until an objective has it."""
    return gr.Dropdown(label=LABEL, elem_id="reward", interactive=True, visible=False)


def fitting(user: User, form: Filled) -> Filled:
    """The form without a reward model that its objective doesn't take or that is gone."""
    known = set(artifact_lists.reward_model_names(user)) if reward_models.taken(form.objective) else set()
    return form if form.reward in known else replace(form, reward=NONE)


def drawn(user: User, form: Filled) -> Any:
    """The choice for the form."""
    if not reward_models.taken(form.objective):
        return gr.update(visible=False)
    found = [("None: checks alone", NONE), *((_words(one), one.name) for one in artifact_lists.reward_models(user))]
    return gr.update(choices=found, value=form.reward, info=INFO if len(found) > 1 else _empty(user), visible=True)


def _empty(user: User) -> str:
    """How to get a reward model: from the newest pairs, or first the pairs."""
    pairs = dataset_lists.newest(user, registry.objective(MAKES).row_shapes, judgeable=True)
    if pairs:
        where = f"train?objective={MAKES}&data={quote(pairs.name)}"
        return f"You have none yet. [Train one on pairs of a chosen and a rejected answer]({where})."
    return (
        "You have none yet. [Add pairs of a chosen and a rejected answer](data), then train on them with the objective "
        f"“{MAKES}”."
    )


def hidden(form: Filled) -> frozenset[str]:
    """The settings that mean something only with a reward model."""
    return frozenset() if form.reward else frozenset({reward_models.WEIGHT})


def advised(form: Filled) -> dict[str, Any]:
    """The settings that are advised otherwise with a reward model: as by command, it rewards alone."""
    return {reward_models.CHECKS: []} if form.reward else {}


def _words(model: Artifact) -> str:
    """Its name, and how often it ranks pairs right."""
    ranked = reward_models.pair_accuracy(model)
    if ranked is None:
        return model.name
    low, high = (f"{100 * ranked[key]:.0f}" for key in ("low", "high"))
    return f"{model.name} · ranks {percent(ranked['value'])} [{low}, {high}] of held-out pairs right"
