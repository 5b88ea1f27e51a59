"""The order for a judgement: two models, their held-out prompts, the answers that were voted on, and the judge."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, SecretStr

from storage import endpoints, network
from storage.data import openings
from storage.judging import reward_models, voted
from storage.judging.reward_models import Background
from storage.judging.voted import Voted
from storage.models import Artifact, Dataset
from storage.planning import generations
from storage.users import with_id
from templates.jobs.generate import GenerateParams
from templates.jobs.judge import JudgeParams
from templates.roles import Role
from templates.service import ServiceParams
from workers.materials import model_ref, rows_of
from workers.orders import Claimed, from_another_version
from workers.orders.generate import GenerationOrder, Service
from workers.protocol import ModelRef, Order

NO_ROWS = {"shape": "", "dataset_file": "", "dataset_name": "", "dataset_sha256": "", "split_seed": None}


class RewardJudge(BaseModel):
    """A reward model that judges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelRef
    background: Background
    n_votes_left_out: int = 0
    """Votes on prompts that it learned."""


class JudgeOrder(Order):
    """An order to compare two models by a judge."""

    models: tuple[ModelRef, ModelRef]
    """The second one is judged against the first."""
    asks: GenerationOrder
    """The judge as its service, unless a reward model judges, and the rows whose held-out prompts the models answer;
    no file: votes alone."""
    rewarding: RewardJudge | None = None
    """The judge, if it is a reward model."""
    params: JudgeParams
    criteria: str = ""
    """What a service is told; a reward model is told nothing."""
    votes: tuple[Voted, ...] = ()
    held_out_openings: int = 0
    """How often the dataset's held-out side had been opened before this job started."""


ORDER = JudgeOrder


def order(claimed: Claimed) -> JudgeOrder:
    """The order for a claimed job. Raises `StudioError` for an address that is not allowed, or an unreadable key."""
    spec = claimed.job.spec
    models = [thing for thing in claimed.inputs.all(Role.MODEL) if not isinstance(thing, Dataset)]
    data = claimed.inputs.dataset(Role.HELD_OUT)
    if len(models) != 2:
        raise from_another_version(claimed.job.kind)
    first, second = models
    owner = with_id(claimed.job.owner_id)
    judge = claimed.inputs.model(Role.REWARD)
    known = reward_models.learned(judge) if isinstance(judge, Artifact) else frozenset[str]()
    votes, n_all = voted.of(owner, first, second, known), len(voted.of(owner, first, second))
    return JudgeOrder(
        **claimed.common,
        models=(model_ref(first), model_ref(second)),
        asks=_asks(claimed, data),
        rewarding=RewardJudge(
            model=model_ref(judge),
            background=reward_models.background(judge, models, data, known),
            n_votes_left_out=n_all - len(votes),
        )
        if isinstance(judge, Artifact)
        else None,
        params=JudgeParams.model_validate(spec["params"]),
        criteria=spec.get("criteria", ""),
        votes=tuple(votes),
        held_out_openings=openings.of(data) if data else 0,
    )


def _asks(claimed: Claimed, data: Dataset | None) -> GenerationOrder:
    spec, rows = claimed.job.spec, dict[str, Any](rows_of(data) if data else NO_ROWS)
    rows["split_seed"] = rows["split_seed"] or 0  # the answers become no dataset
    return GenerationOrder(
        **claimed.common,
        **rows,
        **({"teacher": {"name": spec["reward_model"]}} if spec.get("reward_model") else _service(claimed)),
        params=GenerateParams(max_new_tokens=spec["params"]["max_new_tokens"]),
        instruction=spec["instruction"],
    )


def _service(claimed: Claimed) -> dict[str, Any]:
    given, owner = claimed.job.spec["endpoint"], with_id(claimed.job.owner_id)
    endpoint = endpoints.parse(given["url"])
    only_public = endpoints.refuse_forbidden(endpoint)
    return {
        "service": Service(
            url=endpoint.url,
            model=given["model"],
            params=ServiceParams.model_validate(given["params"]),
            only_public=only_public,
        ),
        "asked_folder": str(generations.asked_folder(given["asked"])),
        "network": {name: SecretStr(value) for name, value in network.environment().items()},
        "api_key": endpoints.key_of(owner, endpoint),
        "teacher": {"name": given["model"], "host": endpoint.host},
    }
