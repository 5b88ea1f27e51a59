"""The one Celery task: a door. It carries a job's id in, and nothing out."""

from __future__ import annotations

from storage.jobs import queue
from workers.slots import Slots


def register(slots: Slots) -> None:
    """Let `slots` answer when the doorbell rings."""

    def run_job(job_id: str) -> None:
        slots.work_off(job_id)

    queue.celery().task(name=queue.RUN_JOB, ignore_result=True)(run_job)
