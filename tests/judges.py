"""Reward models in somebody's gallery, as a worker would leave them, without weights."""

from __future__ import annotations

from typing import Any

from storage import job_inputs
from storage.bases import base_models
from storage.jobs import jobs
from storage.models import Artifact, User
from templates.recipe import compose
from templates.roles import Role
from tests.published import published

RANKS = {"value": 0.9, "low": 0.8, "high": 0.95}


def publish_judge(user: User, name: str = "my-judge", base: str = "studio-nano") -> Artifact:
    """A reward model that ranks 90 % [80, 95] of held-out pairs right."""
    recipe: Any = compose("reward", "lora").model_dump(mode="json")
    inputs = job_inputs.of(Role.BASE, base_models.get(user, base))
    job = jobs.submit(user, name=name, kind="train", spec={"recipe": recipe}, inputs=inputs)
    half = {"value": 0.5, "low": 0.4, "high": 0.6}
    ranked = {"base": half, "adapted": RANKS, "difference": {"value": 0.4, "low": 0.3, "high": 0.5}}
    verdict = {"verdict": "better", "sentence": "Better.", "metrics": {"preference_accuracy": ranked}}
    facts = {"recipe": recipe, "weights_sha256": "ab" * 32, "verdict": verdict, "continued": "", "own_base": ""}
    return published(job, "reward_model", facts)
