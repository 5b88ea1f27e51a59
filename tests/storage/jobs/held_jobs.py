"""Jobs that a worker holds, for tests of what becomes of them."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import col

from storage import db
from storage.jobs import jobs, leases
from storage.models import Job, User, Worker


def submit(user: User, name: str = "tone") -> Job:
    """A job that waits."""
    return jobs.submit(user, name=name, kind="evaluate", spec={})


def claimed(worker: Worker) -> leases.Lease:
    """The lease of the longest-waiting job."""
    lease = leases.claim(worker)
    assert lease
    return lease


def let_run_out(job_id: str) -> None:
    """End the job's lease as if its worker had long been silent."""
    with db.writing() as session:
        session.exec(update(Job).where(col(Job.id) == job_id).values(lease_until=0.0))
