"""A reward model as the judge: which one, and what it learned that bears on how fairly it judges two models."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict

from storage import db, deleted_names
from storage.data import datasets
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.planning import reward_models
from storage.votes import known_prompts
from templates.errors import Problem
from templates.roles import Role

FIELD = "reward_model"
REWARDED = "“{model}” was trained to score higher with “{judge}”, so a higher score doesn't show better answers."


class Shared(BaseModel):
    """A dataset from which the reward model and one of the judged models learned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    dataset: str
    """As the model's training named it; the reward model may have learned another version of it."""


class Background(BaseModel):
    """What a reward model learned, as far as two models and the prompts that they answer are concerned."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learned: frozenset[str] = frozenset()
    """Held-out prompts that it learned, as `pairs.question` writes them."""
    shared: tuple[Shared, ...] = ()
    deleted: tuple[str, ...] = ()
    """Its datasets whose rows were deleted, so that nobody knows their prompts any more."""
    rewarded: tuple[str, ...] = ()
    """The models that a training rewarded for its scores."""
    on_length: str = ""
    """What its own verdict says of its scores and length; "" without one."""


def wanted(user: User, name_or_id: str) -> tuple[Artifact | None, list[Problem]]:
    """The user's reward model, or what is wrong with the request for it."""
    if not name_or_id.strip():
        remedy = "Choose one of yours; the objective “reward” makes one."
        return None, [Problem("is missing.", field=FIELD, remedy=remedy)]
    found = reward_models.named(user, name_or_id, field=FIELD)
    return found.model, list(found.problems)


def learned(judge: Artifact) -> frozenset[str]:
    """The prompts that the reward model learned, as `pairs.question` writes them."""
    return known_prompts.learned_by({judge.id})


def background(
    judge: Artifact, models: Sequence[BaseModelRow | Artifact], data: Dataset | None, known: Collection[str]
) -> Background:
    """What `judge` learned that bears on these models and this dataset; `known` are the prompts that it learned."""
    own = known_prompts.behind({judge.id}, known_prompts.LEARNED)
    verdict = artifacts.model_facts(judge).verdict.get("reward") or {}
    return Background(
        learned=frozenset(known_prompts.held_out_of(data).intersection(known)) if data else frozenset(),
        shared=tuple(one for model in models if isinstance(model, Artifact) for one in _shared(model, own)),
        deleted=tuple(deleted_names.original(one.name) for one in own if not datasets.file(one).is_file()),
        rewarded=rewarded(judge, models),
        on_length=str(verdict.get("sentence", "")),
    )


def rewarded(judge: Artifact, models: Sequence[BaseModelRow | Artifact]) -> tuple[str, ...]:
    """The names of those models that a training rewarded for the scores of `judge`, at whatever step of their chain."""
    adapted = [one for one in models if isinstance(one, Artifact)]
    return tuple(one.name for one in adapted if _is_rewarded(one, judge))


def _is_rewarded(model: Artifact, judge: Artifact) -> bool:
    return any(role == Role.REWARD and thing.id == judge.id for role, thing in known_prompts.used_behind({model.id}))


def _shared(model: Artifact, own: Sequence[Dataset]) -> list[Shared]:
    origins = {_origin(one) for one in own}
    found = known_prompts.behind({model.id}, known_prompts.LEARNED)
    mine = [one for one in found if _origin(one) in origins]
    return [Shared(model=model.name, dataset=deleted_names.original(one.name)) for one in mine]


def _origin(dataset: Dataset) -> str:
    """What all versions of one file, or of one job's rows, share."""
    with db.reading() as session:
        while dataset.parent_id:
            dataset = session.get_one(Dataset, dataset.parent_id)
    return dataset.upload_id or dataset.id
