"""The reward model whose scores reward a training's answers: found, and checked against what it can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storage import model_names
from storage.bases import base_models
from storage.gallery import artifact_lists, artifacts
from storage.models import Artifact, User
from templates import registry
from templates.errors import BadInput, NotFound, Problem
from templates.recipe import Recipe
from templates.rewards import SHORTEST_PROMPT, RewardedParams
from templates.roles import Role
from templates.spec import BaseFacts

FIELD = "reward"
WEIGHT = "reward_model_weight"
CHECKS = "verifiers"
RANKED = "preference_accuracy"
TRAIN_ONE = "Train one on pairs of a chosen and a rejected answer: the objective “reward” makes it."


@dataclass(frozen=True)
class Found:
    """A reward model, or what is wrong with it."""

    model: Artifact | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def facts(self) -> BaseFacts | None:
        """Facts about its base; None without a reward model."""
        return base_models.facts(artifacts.base_of(self.model)) if self.model else None


def taken(objective: str) -> bool:
    """Whether a reward model may reward what the objective learns."""
    known = registry.objectives().get(objective)
    return known is not None and Role.REWARD in known.takes


def find(user: User, objective: str, name: str | None) -> Found:
    """The user's reward model with this name, or the problem with it; neither if none is named."""
    if not name:
        return Found()
    if not taken(objective):
        able = " or ".join(key for key in registry.objectives() if taken(key))
        instead = f"Leave it out, or choose the objective {able}."
        return Found(problems=(Problem(f"{objective} takes no reward model.", field=FIELD, remedy=instead),))
    return named(user, name)


def named(user: User, name_or_id: str, *, field: str = FIELD) -> Found:
    """The user's reward model with this name or id, or the problem with it, which names `field`."""
    try:
        return Found(artifacts.reward_model(user, name_or_id))
    except NotFound:
        return Found(problems=(_unknown(user, name_or_id, field),))
    except BadInput as error:
        return Found(problems=tuple(Problem(p.message, field=field, remedy=p.remedy) for p in error.problems))


def _unknown(user: User, name: str, field: str) -> Problem:
    if model_names.held_by_job(user, name, "artifact"):
        what = f"“{name}” is not there yet: the job that makes it has not ended."
        return Problem(what, field=field, remedy="Wait for that job to end.")
    known = ", ".join(artifact_lists.reward_model_names(user))
    return Problem(
        f"There is no reward model “{name}”.", field=field, remedy=f"Known: {known}." if known else TRAIN_ONE
    )


def alone(objective: str, name: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without checks if a reward model is named and no check is, so that it rewards alone."""
    return {CHECKS: [], **settings} if name and taken(objective) else dict(settings)


def problems(found: Found, name: str | None, recipe: Recipe) -> list[Problem]:
    """The reasons why answers can't be rewarded as this recipe says, with the reward model found under this name."""
    training = recipe.training()
    if not isinstance(training, RewardedParams):
        return []
    wrong = list[Problem]()
    if not (training.picked or name):
        what = "Nothing rewards the answers: there is neither a check nor a reward model."
        wrong.append(Problem(what, field=CHECKS, remedy="Pick a check, or name a reward model (reward)."))
    if not name and getattr(training, WEIGHT) != type(training).model_fields[WEIGHT].default:
        what = "is the weight of a reward model, and none is named."
        wrong.append(Problem(what, field=WEIGHT, remedy="Name a reward model (reward), or leave the weight out."))
    if found.model and found.facts:
        wrong += _too_long(found.model.name, found.facts.context_length, training)
    return wrong


def _too_long(name: str, reads: int, training: RewardedParams) -> list[Problem]:
    longest, room = training.longest_sequence, reads - training.max_completion_length
    if longest <= reads:
        return []
    what = f"The reward model “{name}” reads {reads:,} tokens; prompt and answer may have {longest:,}."
    if room < SHORTEST_PROMPT:
        return [Problem(what, field="max_completion_length", remedy=f"Use far fewer than {reads:,}.")]
    return [Problem(what, field="max_length", remedy=f"Use at most {room:,}, or shorter answers.")]


def pair_accuracy(model: Artifact) -> Mapping[str, float] | None:
    """The share of held-out pairs that it ranks right, with its interval (`value`, `low`, `high`), from its own
    verdict; None if that had no pairs."""
    found = artifacts.model_facts(model).verdict.get("metrics", {}).get(RANKED)
    return found["adapted"] if found else None
