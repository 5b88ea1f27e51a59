"""User actions on jobs: submit, look, cancel, retry. Worker actions are in `leases`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from storage import db, job_inputs, model_names
from storage.data import dataset_names
from storage.jobs import events, queue
from storage.models import TERMINAL, Job, JobAttempt, JobInput, JobState, User, new_id
from templates import registry
from templates.errors import Conflict, NotFound


def submit(
    user: User,
    *,
    name: str,
    kind: str,
    spec: dict[str, Any],
    inputs: Sequence[JobInput] = (),
    estimate: dict[str, Any] | None = None,
    idem_key: str | None = None,
    retry_of: Job | None = None,
) -> Job:
    """Accept a job: once this returns, it can't be lost. `inputs` are its inputs (`job_inputs.of`).

    The same `idem_key` from the same user returns the same job again (a double click, a browser's
    retry); with a different job it raises `Conflict`. The doorbell rings after the commit.
    """
    used = [[row.role, row.base_model_id, row.dataset_id, row.artifact_id] for row in inputs]
    body = json.dumps([kind, spec, used, name], sort_keys=True)
    digest = hashlib.sha256(body.encode()).hexdigest()
    idem_key = idem_key or new_id()
    job = Job(
        owner_id=user.id,
        idem_key=idem_key,
        name=name,
        kind=kind,
        spec=spec,
        spec_sha256=digest,
        estimate=estimate,
        retry_of=retry_of.id if retry_of else None,
        created_at=0.0,
    )
    try:
        _insert(job, inputs, user, retry_of)
    except IntegrityError:
        found = _already_submitted(user, idem_key, digest)
        if found is None:  # not the key: one of its inputs does not exist
            raise
        return found
    if queue.ring(job.id):
        with db.writing() as session:
            session.exec(update(Job).where(col(Job.id) == job.id).values(rung_at=db.now()))
    return job


def _insert(job: Job, inputs: Sequence[JobInput], by: User, retry_of: Job | None) -> None:
    with db.writing() as session:
        job.created_at = db.clock(session)
        session.add(job)
        session.flush()
        for row in inputs:
            row.job_id = job.id
            session.add(row)
        events.append(session, job.id, 0, "submitted", by=by.name)
        if retry_of and retry_of.name != job.name:
            events.append(session, job.id, 0, "renamed", wanted=retry_of.name, name=job.name)


def with_key(user: User, idem_key: str) -> Job | None:
    """The job that the user submitted with this key, if there is one."""
    with db.reading() as session:
        return session.exec(select(Job).where(Job.owner_id == user.id, Job.idem_key == idem_key)).one_or_none()


def _already_submitted(user: User, idem_key: str, digest: str) -> Job | None:
    found = with_key(user, idem_key)
    if found and found.spec_sha256 != digest:
        raise Conflict(
            f"The key “{idem_key}” already belongs to a different job, {found.id}.",
            code="idempotency_key_reused",
            remedy="Send a new key with a new job.",
        )
    return found


def get(user: User, job_id: str) -> Job:
    """The user's job. Raises `NotFound` for an unknown or foreign id."""
    with db.reading() as session:
        job = session.get(Job, job_id)
    if job is None or job.owner_id != user.id:
        raise NotFound(f"There is no job “{job_id}”.", remedy="The list of jobs shows the ids.")
    return job


def of_user(user: User) -> Sequence[Job]:
    """The user's jobs, newest first."""
    with db.reading() as session:
        return session.exec(select(Job).where(Job.owner_id == user.id).order_by(col(Job.created_at).desc())).all()


def attempts(user: User, job_id: str) -> Sequence[JobAttempt]:
    """The attempts at a job, oldest first."""
    get(user, job_id)
    with db.reading() as session:
        query = select(JobAttempt).where(JobAttempt.job_id == job_id).order_by(col(JobAttempt.attempt))
        return session.exec(query).all()


def position(job: Job) -> int | None:
    """Place in the queue, where 1 is next; None when the job does not wait."""
    if job.state != JobState.QUEUED:
        return None
    with db.reading() as session:
        ahead = select(func.count()).select_from(Job).where(Job.state == JobState.QUEUED)
        return session.exec(ahead.where(Job.created_at < job.created_at)).one() + 1


def cancel(user: User, job_id: str, *, keep: bool = False) -> Job:
    """Cancel a job; with `keep`, a training job stops at the next step and publishes what it has.

    A waiting job ends at once, unless there is a checkpoint to keep; a running job ends when its child has
    stopped. Raises `Conflict` when it has already ended.
    """
    get(user, job_id)
    with db.writing() as session:
        waiting = (
            update(Job)
            .where(col(Job.id) == job_id, col(Job.state) == JobState.QUEUED)
            .values(state=JobState.CANCELLED, finished_at=db.now(), cancel_at=db.now())
        )
        if keep:
            waiting = waiting.where(col(Job.checkpoint_step) == 0)
        if session.exec(waiting).rowcount:
            events.append(session, job_id, 0, "cancelled", while_state="QUEUED")
        else:
            running = (
                update(Job)
                .where(col(Job.id) == job_id, col(Job.state).in_((JobState.RUNNING, JobState.QUEUED)))
                .values(cancel_at=func.coalesce(Job.cancel_at, db.now()), cancel_keep=keep)
            )
            if not session.exec(running).rowcount:
                job = session.get_one(Job, job_id)
                raise Conflict(f"Job {job_id} has already finished ({job.state}).", code="already_finished")
            events.append(session, job_id, 0, "cancel_requested", keep=keep)
    return get(user, job_id)


def retry(user: User, job_id: str) -> Job:
    """Submit an ended job again as a new one with the same spec. Raises `Conflict` while it still runs.

    Its result needs its own name: if the old name is taken by now, the new job is called `name-2`,
    `name-3` …, and an event says so.
    """
    job = get(user, job_id)
    if job.state not in TERMINAL:
        raise Conflict(f"Job {job_id} is {job.state}.", remedy="Wait until it ends, or cancel it first.")
    with db.reading() as session:
        inputs = job_inputs.rows_of(session, job.id)
    copies = [JobInput(**row.model_dump(exclude={"job_id"})) for row in inputs]
    return submit(
        user,
        name=_free_name(user, job),
        kind=job.kind,
        spec=job.spec,
        inputs=copies,
        estimate=job.estimate,
        retry_of=job,
    )


def _free_name(user: User, job: Job) -> str:
    """The job's name, or its original name with a number if its result can't have that name."""
    publishes = registry.job_kind(job.kind).publishes
    if publishes in ("artifact", "model") and model_names.problems(user, job.name):
        return model_names.numbered(user, _first_name(job))
    if publishes == "dataset":
        with db.reading() as session:
            if dataset_names.is_taken(session, user.id, job.name):
                return dataset_names.free_name(session, user.id, _first_name(job))
    return job.name


def _first_name(job: Job) -> str:
    """The name that the user chose, before retries numbered it."""
    with db.reading() as session:
        while job.retry_of:
            job = session.get_one(Job, job.retry_of)
    return job.name
