"""The order for self-replay: the model, how many rows, and what they must not resemble."""

from __future__ import annotations

from storage.gallery import artifacts, suites
from storage.models import BaseModelRow
from storage.settings import settings
from templates.jobs.self_replay import SelfReplayParams
from templates.roles import Role
from workers.materials import model_ref
from workers.orders import Claimed
from workers.protocol import ModelRef, Order


class SelfReplayOrder(Order):
    """An order to let a model write rows."""

    model: ModelRef
    license: str
    params: SelfReplayParams
    suite: str
    """The suite that shows what a training makes the model forget."""
    n_items: int
    """Items of each of its abilities that are asked; 0: none."""
    own_prompts: int
    """Prompts of the model's own that verdicts use; 0: none."""


ORDER = SelfReplayOrder


def order(claimed: Claimed) -> SelfReplayOrder:
    """The order for a claimed job."""
    model = claimed.model(Role.MODEL)
    root = model if isinstance(model, BaseModelRow) else artifacts.base_of(model)
    return SelfReplayOrder(
        **claimed.common,
        model=model_ref(model),
        license=root.license,
        params=SelfReplayParams.model_validate(claimed.job.spec.get("params")),
        suite=suites.of_base(root.source),
        n_items=settings().forgetting_items,
        own_prompts=settings().own_prompts,
    )
