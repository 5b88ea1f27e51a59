"""Plans, jobs and evaluations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from app import turns
from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.paged import Entries, Points, Things
from storage.jobs import events, job_lists, jobs, workspaces
from storage.jobs.job_lists import Wanted
from storage.judging import judgements
from storage.models import User
from storage.planning import (
    contrasts,
    evaluations,
    generations,
    intruders,
    self_replays,
    strengths,
    training,
)
from templates.continuation import ContinueFrom
from templates.errors import BadInput, Problem
from templates.spec import Preset, Quantization

router = APIRouter(prefix="/api/v1", tags=["jobs"])
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200)]

Contained = Annotated[str, Query(max_length=200)]


class Wish(Body):
    """A training job; `settings` holds the objective's and the method's parameters in one flat object."""

    base: str
    """A base model, or a result of yours to go on from."""
    dataset: str
    objective: str
    method: str
    preset: Preset = "balanced"
    quantization: Quantization = "none"
    instruction: str | None = None
    """The system text for rows without their own; null uses the dataset's, or else the one of the result that the
    training goes on from."""
    continue_from: ContinueFrom = "advised"
    """If `base` is an adapter: train the same adapter further, or merge it first and put a new one on top."""
    teacher: str | None = None
    """The base model or result that the objective learns from, if it learns from one."""
    reward: str | None = None
    """For grpo and rloo: the reward model whose scores reward answers, weighted by the setting `reward_model_weight`;
    alone unless the settings name `verifiers`."""
    weights: dict[str, float | None] = Field(default_factory=dict, max_length=50)
    """To learn several datasets at once: the name of each, `dataset` too, with its weight, or all with null, so that
    every row comes up once in a pass. The result is judged on each."""
    replay: dict[str, float | None] = Field(default_factory=dict, max_length=50)
    """Datasets to learn beside the task's without being judged on them, so that the model keeps what it knew: the name
    of each, with its share of all that is learned, or null."""
    settings: dict[str, Any] = Field(default_factory=dict)


class NewJob(Wish):
    """A training job."""

    name: str


class NewEvaluation(Body):
    """Models to score on a dataset's held-out rows or on a suite, each compared with the first."""

    models: list[str] = Field(min_length=1, max_length=16)
    dataset: str | None = None
    suite: str | None = None
    instruction: str | None = None
    """The system text for rows without their own, for all models; null uses the dataset's."""
    name: str | None = None


class NewGeneration(Body):
    """A model to answer a dataset's prompts; `settings` controls decoding, the filters, and a service's limits.

    Name either a model of the studio or a service that speaks OpenAI's protocol.
    """

    model: str | None = None
    endpoint: str | None = None
    """The service's base address; `PUT /endpoints/key` stores your key for it."""
    endpoint_model: str | None = None
    """The name by which the service knows its model."""
    dataset: str
    name: str
    instruction: str | None = None
    """The system text for prompts without their own; null uses the dataset's, or else the model's."""
    filters: list[str] = Field(default_factory=list, max_length=50)
    """Which answers to drop; `GET /answer-filters` lists them with their settings."""
    settings: dict[str, Any] = Field(default_factory=dict)


class NewJudgement(Body):
    """Two models whose answers a judge compares; `settings` says how much is judged, and a service's limits."""

    models: list[str] = Field(min_length=2, max_length=2)
    """The second one is judged against the first."""
    dataset: str | None = None
    """The dataset whose held-out prompts they answer; null judges only the answers that you voted on."""
    endpoint: str | None = None
    """The base address of a service that speaks OpenAI's protocol."""
    endpoint_model: str | None = None
    """The judge, by the name that the service knows."""
    reward_model: str | None = None
    """A reward model of yours that judges in place of a service."""
    criteria: str | None = None
    """What makes an answer better, for a service."""
    instruction: str | None = None
    """The system text for both models; null uses the dataset's."""
    name: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class NewSelfReplay(Body):
    """A model that writes prompts and answers them; `settings` says how many and how long."""

    model: str
    name: str
    settings: dict[str, Any] = Field(default_factory=dict)


class NewStrength(Body):
    """An adapter to score at several strengths."""

    artifact: str


class NewReduction(Body):
    """A LoRA result whose intruder dimensions are reduced; `settings` says which and how much."""

    model: str
    name: str
    dataset: str | None = None
    """The data to judge it on; null uses those that the result learned."""
    settings: dict[str, Any] = Field(default_factory=dict)


class Cancel(Body):
    """How to cancel: `keep` publishes what a training job has learned so far."""

    keep: bool = False


def _plan(user: User, wish: Wish) -> training.Plan:
    return training.plan(
        user,
        base=wish.base,
        dataset=wish.dataset,
        objective=wish.objective,
        method=wish.method,
        preset=wish.preset,
        quantization=wish.quantization,
        instruction=wish.instruction,
        continue_from=wish.continue_from,
        teacher=wish.teacher,
        reward=wish.reward,
        weights=wish.weights,
        replay=wish.replay,
        settings=wish.settings,
    )


@router.post("/plans", dependencies=turns.READS_ROWS)
def plan(user: Acting, body: Wish) -> dict[str, Any]:
    """Plan a training job and estimate its cost, without creating it."""
    return documents.of_plan(_plan(user, body))


@router.post("/jobs", status_code=201, dependencies=turns.READS_ROWS)
def submit(user: Acting, body: NewJob, key: Key = None) -> dict[str, Any]:
    """Submit a training job. The same `Idempotency-Key` and body return the same job."""
    return documents.of_job(training.submit(user, _plan(user, body), name=body.name, idem_key=key))


@router.post("/evaluations", status_code=201)
def evaluate(user: Acting, body: NewEvaluation, key: Key = None) -> dict[str, Any]:
    """Submit a job that scores models on the same held-out rows or the same suite; name one of the two."""
    return documents.of_job(evaluations.submit(user, **body.model_dump(), idem_key=key))


@router.post("/jobs/generate", status_code=201)
def generate(user: Acting, body: NewGeneration, key: Key = None) -> dict[str, Any]:
    """Submit a job in which a model answers prompts; prompts and answers become a dataset with this name."""
    return documents.of_job(generations.submit(user, **body.model_dump(), idem_key=key))


@router.post("/jobs/judge", status_code=201)
def judge(user: Acting, body: NewJudgement, key: Key = None) -> dict[str, Any]:
    """Submit a job in which a judge compares two models; your votes between them correct it.

    A service sees each pair in both orders; a reward model scores each answer by itself.
    """
    return documents.of_job(judgements.submit(user, **body.model_dump(), idem_key=key))


@router.post("/jobs/self-replay", status_code=201)
def self_replay(user: Acting, body: NewSelfReplay, key: Key = None) -> dict[str, Any]:
    """Submit a job in which a model writes rows to replay; they become a dataset with this name."""
    return documents.of_job(self_replays.submit(user, **body.model_dump(), idem_key=key))


@router.post("/jobs/strength", status_code=201)
def strength(user: Acting, body: NewStrength, key: Key = None) -> dict[str, Any]:
    """Submit a job that scores a LoRA adapter at several strengths, without training.

    It uses the selection side of the training's data and general abilities; the held-out rows stay closed.
    """
    return documents.of_job(strengths.submit(user, body.artifact, idem_key=key))


@router.post("/jobs/reduce-intruders", status_code=201)
def reduce_intruders(user: Acting, body: NewReduction, key: Key = None) -> dict[str, Any]:
    """Submit a job that reduces a LoRA result's intruder dimensions; what it makes is a result with this name."""
    return documents.of_job(intruders.submit(user, **body.model_dump(), idem_key=key))


@router.get("/jobs", response_model=Entries)
def list_all(
    user: Acting, paging: Things, state: Contained = "", name: Contained = "", data: Contained = ""
) -> JSONResponse:
    """Your jobs, newest first, 100 at a time: those in this state, and with these parts of their names.

    `after` is the id of the last job that you have; the header `Link` leads to the next page.
    """
    page = job_lists.page(user, paging.place, Wanted(state, name, data))
    return paging.answer(page, documents.of_jobs(page.rows))


@router.get("/jobs/{job_id}")
def show(user: Acting, job_id: str) -> dict[str, Any]:
    """One job."""
    return documents.of_job(jobs.get(user, job_id))


@router.get("/jobs/{job_id}/events", response_model=Entries)
def history(user: Acting, job_id: str, paging: Points) -> JSONResponse:
    """A job's events, oldest first, 1,000 at a time; `after` is the id of the last one that you have."""
    page = events.page(jobs.get(user, job_id).id, paging.place)
    return paging.answer(page, [documents.of_event(user, event) for event in page.rows])


@router.get("/jobs/{job_id}/metrics", response_model=Entries)
def metrics(user: Acting, job_id: str, paging: Points) -> JSONResponse:
    """The points of a job's charts by split and step, 1,000 at a time; `after` is `split:step` of the last one."""
    page = events.metrics_page(jobs.get(user, job_id).id, paging.place)
    return paging.answer(page, [documents.of(point) for point in page.rows])


@router.get("/jobs/{job_id}/logs")
def logs(
    user: Acting,
    job_id: str,
    attempt: Annotated[int | None, Query(ge=1)] = None,
    lines: Annotated[int, Query(ge=1, le=10_000)] = 200,
) -> dict[str, Any]:
    """The end of an attempt's log, by default the last attempt's."""
    job = jobs.get(user, job_id)
    if attempt is not None and attempt > job.attempt:
        raise BadInput(Problem(f"There is no attempt {attempt}; the last is {job.attempt}.", field="attempt"))
    number = attempt or job.attempt
    return {"job_id": job_id, "attempt": number, "log": workspaces.log_tail(job_id, number, lines)}


@router.post("/jobs/{job_id}/cancel")
def cancel(user: Acting, job_id: str, body: Cancel | None = None) -> dict[str, Any]:
    """Cancel a job."""
    return documents.of_job(jobs.cancel(user, job_id, keep=body.keep if body else False))


@router.post("/jobs/{job_id}/retry", status_code=201)
def retry(user: Acting, job_id: str) -> dict[str, Any]:
    """Submit a finished job again as a new one; its name gets a number if it is taken."""
    return documents.of_job(jobs.retry(user, job_id))


@router.post("/jobs/{job_id}/contrast", status_code=201, dependencies=turns.READS_ROWS)
def contrast(user: Acting, job_id: str) -> dict[str, Any]:
    """Submit a distillation again without its teacher, on the rows' own answers; the same job if it was before."""
    return documents.of_job(contrasts.submit(user, jobs.get(user, job_id)))
