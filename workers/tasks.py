"""The only Celery task: it takes a job's id and returns nothing."""

from __future__ import annotations

from storage.jobs import queue
from workers.slots import Slots


def register(slots: Slots) -> None:
    """Let `slots` answer the doorbell."""

    def run_job(job_id: str) -> None:
        slots.work_off(job_id)

    queue.celery().task(name=queue.RUN_JOB, ignore_result=True)(run_job)
