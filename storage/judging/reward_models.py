"""A reward model as the judge: which one, and what it learned that bears on how fairly it judges two models."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict

from storage import db
from storage.data import datasets
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.votes import known_prompts
from templates.errors import BadInput, NotFound, Problem

FIELD = "reward_model"


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
    on_length: str = ""
    """What its own verdict says of its scores and length; "" without one."""


def wanted(user: User, name_or_id: str) -> tuple[Artifact | None, list[Problem]]:
    """The user's reward model, or what is wrong with the request for it."""
    if not name_or_id.strip():
        remedy = "Choose one of yours; the objective “reward” makes one."
        return None, [Problem("is missing.", field=FIELD, remedy=remedy)]
    try:
        return artifacts.reward_model(user, name_or_id), []
    except (NotFound, BadInput) as error:
        return None, [Problem(one.message, field=FIELD, remedy=one.remedy) for one in error.problems]


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
        deleted=tuple(one.name for one in own if not datasets.file(one).is_file()),
        on_length=str(verdict.get("sentence", "")),
    )


def _shared(model: Artifact, own: Sequence[Dataset]) -> list[Shared]:
    origins = {_origin(one) for one in own}
    found = known_prompts.behind({model.id}, known_prompts.LEARNED)
    return [Shared(model=model.name, dataset=one.name) for one in found if _origin(one) in origins]


def _origin(dataset: Dataset) -> str:
    """What all versions of one file, or of one job's rows, share."""
    with db.reading() as session:
        while dataset.parent_id:
            dataset = session.get_one(Dataset, dataset.parent_id)
    return dataset.upload_id or dataset.id
