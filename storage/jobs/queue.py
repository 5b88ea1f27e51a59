"""The Celery app and its one task name. A message is just a doorbell: it carries a job's id and no state."""

from __future__ import annotations

import logging
import sqlite3
import threading
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.sqlalchemy import Channel, Transport

from storage import private
from storage.settings import settings

RUN_JOB = "studio.run_job"
EMBEDDED_POLL_S = 0.1

log = logging.getLogger(__name__)


class EmbeddedChannel(Channel):  # type: ignore[misc]  # kombu has no types
    """A channel that makes the broker's file again if it is deleted or replaced while the studio runs."""

    _session: Any
    _lock = threading.Lock()
    _inodes: ClassVar[dict[str, int]] = {}
    """The file behind each of kombu's engines, which would go on writing into a deleted one."""

    def _open(self) -> Any:
        name, file = self.connection.client.hostname, embedded_file()
        if file is None:
            return super()._open()
        with self._lock:
            if _inode(file) != self._inodes.get(name, -1):
                engine, _ = self._engines.pop(name, (None, None))
                if engine is not None:
                    engine.dispose()
                private.make(file)
                super()._open()
                self._inodes[name] = file.stat().st_ino
            return super()._open()

    @property
    def session(self) -> Any:
        """The session of the file that is there now."""
        engine, make = self._open()
        if self._session is not None and self._session.bind is not engine:
            self._session.close()
            self._session = None
        if self._session is None:
            self._session = make()
        return self._session


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


class EmbeddedTransport(Transport):  # type: ignore[misc]  # kombu has no types
    """kombu's SQL transport, asking ten times a second instead of once: a launch feels immediate."""

    Channel = EmbeddedChannel
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
