"""The Celery app and its one task name. A message is just a doorbell: it carries a job's id and no state."""

from __future__ import annotations

import logging
import sqlite3
from functools import cache
from pathlib import Path

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.sqlalchemy import Transport

from storage.settings import settings

RUN_JOB = "studio.run_job"
EMBEDDED_POLL_S = 0.1

log = logging.getLogger(__name__)


class EmbeddedTransport(Transport):  # type: ignore[misc]  # kombu has no types
    """kombu's SQL transport, asking ten times a second instead of once: a launch feels immediate."""

    polling_interval = EMBEDDED_POLL_S


TRANSPORT_ALIASES["studio"] = "storage.jobs.queue:EmbeddedTransport"


@cache
def celery() -> Celery:
    """The Celery app, shared by the web (which rings) and the workers (which answer)."""
    app = Celery("studio", broker=settings().broker)
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2,
        broker_transport_options=_transport_options(),
        enable_utc=True,
        task_acks_late=False,
        task_default_queue="studio",
        task_ignore_result=True,
        task_serializer="json",
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_pool="threads",
        worker_prefetch_multiplier=1,
    )
    return app


def _transport_options() -> dict[str, float]:
    if settings().broker.startswith("redis"):
        return {"socket_timeout": 5, "socket_connect_timeout": 2}
    return {}


def forget_delivered() -> None:
    """Delete the messages that the embedded broker has delivered: kombu only marks them."""
    file = embedded_file()
    if file is None or not file.exists():
        return
    connection = sqlite3.connect(file, timeout=1.0)
    try:
        with connection:
            connection.execute("DELETE FROM kombu_message WHERE visible = 0")
    except sqlite3.OperationalError as error:  # busy, or no table yet: the next sweep tries again
        log.info("the broker's delivered messages stay for now: %s", error)
    finally:
        connection.close()


def embedded_file() -> Path | None:
    """The embedded broker's database; None when the broker is a server."""
    scheme, _, path = settings().broker.partition(":///")
    return Path(path) if scheme == "studio+sqlite" else None


def ring(job_id: str) -> bool:
    """Tell the workers that a job waits. A lost ring is harmless: they also poll."""
    try:
        celery().send_task(RUN_JOB, args=[job_id], retry=False, ignore_result=True)
    except Exception as error:  # each broker driver has its own errors, and the job is safe in the database
        log.warning("the broker did not take the doorbell of job %s (%s)", job_id, type(error).__name__)
        return False
    return True
