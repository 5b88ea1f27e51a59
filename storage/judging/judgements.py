"""Judgements: a service or a reward model compares two models, on held-out prompts and where the user voted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlmodel import col, select

from storage import db, job_inputs, model_names
from storage.data import datasets
from storage.jobs import jobs
from storage.judging import reward_models, voted
from storage.models import Artifact, BaseModelRow, Dataset, Job, JobInput, JobState, User
from storage.planning import evaluations, services
from templates import instructions, registry
from templates.errors import BadInput, NotFound, Problem, refuse
from templates.jobs.judge import FOR_A_SERVICE, JudgeParams
from templates.judging import CRITERIA, MAX_CRITERIA_CHARS
from templates.recipe import problems_of
from templates.roles import Role
from templates.service import ServiceParams

KIND = "judge"


def submit(
    user: User,
    *,
    models: Sequence[str],
    endpoint: str | None = None,
    endpoint_model: str | None = None,
    api_key: str | None = None,
    reward_model: str | None = None,
    dataset: str | None = None,
    criteria: str | None = None,
    instruction: str | None = None,
    settings: Mapping[str, Any] | None = None,
    name: str | None = None,
    idem_key: str | None = None,
) -> Job:
    """Queue a job in which a judge judges the second model against the first.

    The judge is `endpoint_model` at the address `endpoint`, or the user's `reward_model`. It judges the dataset's
    held-out prompts, and the user's votes between the two; without a dataset, the votes alone. `criteria` tell a
    service what makes an answer better, `settings` are `JudgeParams` and `ServiceParams`. Without an `instruction`,
    the models get the dataset's own; "" means none. A new `api_key` for the service is stored once nothing is wrong.
    Raises `BadInput` with every problem, `NotFound` for an unknown dataset, `NotAllowed` for an address.
    """
    data, given = (None if dataset is None else datasets.get(user, dataset)), dict(settings or {})
    found, problems = _models(user, models)
    params, unfit = _params({key: value for key, value in given.items() if key not in ServiceParams.model_fields})
    if reward_model is None:
        judge, wrong = _service(user, endpoint, (endpoint_model, api_key, criteria), given, params)
    else:
        judge, wrong = _reward_model(user, reward_model, (endpoint, endpoint_model, api_key, criteria), given, params)
    problems += [*wrong, *unfit, *([] if name is None else model_names.flaw(name)), *_problems_on(data, instruction)]
    refuse(problems)
    first, second = found
    if data is None:
        _refuse_nothing(user, first, second, judge.model)
    if judge.service:
        services.keep_key(user, judge.service, api_key)
    spec = {
        "names": [first.name, second.name],
        "instruction": (data.instruction if instruction is None else instruction.strip()) if data else "",
        **judge.spec,
    }
    inputs = job_inputs.of(Role.MODEL, first, second) + (job_inputs.of(Role.HELD_OUT, data) if data else [])
    inputs += job_inputs.of(Role.REWARD, judge.model) if judge.model else []
    on = data.name if data else "your votes"
    named = name or f"{first.name} · {second.name} judged on {on}"
    return jobs.submit(user, name=named, kind=KIND, spec=spec, inputs=inputs, idem_key=idem_key)


def of_result(user: User, result: Artifact) -> Job | None:
    """The newest finished judgement of this result against another model; None if there is none."""
    query = (
        select(Job)
        .join(JobInput, col(JobInput.job_id) == Job.id)
        .where(Job.owner_id == user.id, Job.kind == KIND, Job.state == JobState.SUCCEEDED)
        .where(JobInput.role == Role.MODEL, JobInput.position == 1, JobInput.artifact_id == result.id)
        .order_by(col(Job.created_at).desc())
    )
    with db.reading() as session:
        return session.exec(query.limit(1)).first()


def newest(user: User, most: int) -> Sequence[Job]:
    """The user's newest finished judgements, of any models."""
    query = select(Job).where(Job.owner_id == user.id, Job.kind == KIND, Job.state == JobState.SUCCEEDED)
    with db.reading() as session:
        return session.exec(query.order_by(col(Job.created_at).desc()).limit(most)).all()


def _models(user: User, names: Sequence[str]) -> tuple[list[BaseModelRow | Artifact], list[Problem]]:
    """The two models, and what is wrong with them."""
    if len(names) != 2:
        what = f"give two models, not {len(names)}."
        return [], [Problem(what, field="models", remedy="The second one is judged against the first.")]
    found, problems = list[BaseModelRow | Artifact](), list[Problem]()
    if not all(name.strip() for name in names):
        problems.append(Problem("Choose a model.", field="models"))
    for name in filter(str.strip, names):
        try:
            found.append(evaluations.find_model(user, name))
        except (NotFound, BadInput) as error:  # the latter for a reward model, which answers nothing
            problems += [Problem(one.message, field="models", remedy=one.remedy) for one in error.problems]
    if len(found) == 2 and found[0].id == found[1].id:
        problems.append(Problem(f"“{found[0].name}” is named twice.", field="models", remedy="Name two models."))
    return found, problems


@dataclass(frozen=True)
class _Judge:
    """Who judges: its part of the job's spec, and the reward model, if it is one."""

    spec: Mapping[str, Any]
    model: Artifact | None = None

    @property
    def service(self) -> Mapping[str, Any] | None:
        """The service, if it is one."""
        return self.spec.get("endpoint")


def _service(
    user: User,
    endpoint: str | None,
    told: tuple[str | None, str | None, str | None],
    given: Mapping[str, Any],
    params: JudgeParams,
) -> tuple[_Judge, list[Problem]]:
    """A service that judges, and what is wrong with it; `told` are its model, a new key, and the criteria."""
    model, api_key, criteria = told
    if endpoint is None:
        what = "is missing, and so is a reward model: somebody has to judge."
        return _Judge({}), [Problem(what, field="endpoint", remedy="Give a service’s address, or a reward model.")]
    asks = {key: value for key, value in given.items() if key in ServiceParams.model_fields}
    service, problems = services.wanted(endpoint, model, asks, api_key)
    if len(criteria or "") > MAX_CRITERIA_CHARS:
        what = f"has {len(criteria or ''):,} characters; at most {MAX_CRITERIA_CHARS:,} are allowed."
        problems.append(Problem(what, field="criteria", remedy="Shorten it."))
    if problems:
        return _Judge({}), problems
    asked = {"params": params.model_dump(mode="json"), "criteria": (criteria or "").strip() or CRITERIA}
    return _Judge({**asked, "endpoint": {**service, "asked": _cache(user, service, params)}}), []


def _reward_model(
    user: User, name: str, of_service: Sequence[str | None], given: Mapping[str, Any], params: JudgeParams
) -> tuple[_Judge, list[Problem]]:
    """A reward model that judges, and what is wrong with it; `of_service` is what only a service is told."""
    found, problems = reward_models.wanted(user, name)
    named = dict(zip(("endpoint", "endpoint_model", "api_key", "criteria"), of_service, strict=True))
    only = [key for key, value in named.items() if value]
    only += [key for key in given if key in FOR_A_SERVICE or key in ServiceParams.model_fields]
    what = "is for a service that judges; a reward model scores as the people did who judged its pairs."
    problems += [Problem(what, field=key, remedy="Leave it out.") for key in only]
    return _Judge(
        {"params": params.model_dump(mode="json", exclude=set(FOR_A_SERVICE)), "reward_model": found and found.name},
        found,
    ), problems


def _refuse_nothing(
    user: User, first: BaseModelRow | Artifact, second: BaseModelRow | Artifact, judge: Artifact | None
) -> None:
    """Raise `BadInput` if there are no votes to judge."""
    if not (all_votes := voted.of(user, first, second)):
        both = f"“{first.name}” and “{second.name}”"
        what = f"There is nothing to judge: you have not voted between {both} on typed or held-out prompts."
        raise BadInput(Problem(what, field="dataset", remedy="Name a dataset, or vote in a blind comparison first."))
    if judge and not voted.of(user, first, second, reward_models.learned(judge)):
        what = f"There is nothing to judge: “{judge.name}” learned the prompts of all {len(all_votes):,} of your votes."
        raise BadInput(Problem(what, field="dataset", remedy="Name a dataset, or vote on other prompts."))


def _params(given: Mapping[str, Any]) -> tuple[JudgeParams, list[Problem]]:
    try:
        return JudgeParams.model_validate(given), []
    except ValidationError as error:
        return JudgeParams(), problems_of(error)


def _problems_on(data: Dataset | None, instruction: str | None) -> list[Problem]:
    """The reasons why the models can't answer prompts of this dataset."""
    if data is None:
        what = "goes with a dataset; the answers that you voted on are there already."
        return [Problem(what, field="instruction", remedy="Leave it out.")] if instruction else []
    problems = instructions.problems(instruction or "")
    if registry.shape(data.shape).messages is None:
        what = f"“{data.name}” holds {data.shape}, which has no prompts."
        problems.append(Problem(what, field="dataset", remedy="Choose a dataset of prompts or conversations."))
    elif data.n_held_out < 1:
        problems.append(Problem(f"“{data.name}” has no held-out rows.", field="dataset", remedy="Add a larger file."))
    return problems


def _cache(user: User, service: Mapping[str, Any], params: JudgeParams) -> str:
    """The folder of this judge's replies to this user: a question that was asked before isn't asked again."""
    same = ["judge", user.id, service["url"], service["model"], params.max_judgement_tokens]
    return hashlib.sha256(json.dumps(same).encode()).hexdigest()[:32]
