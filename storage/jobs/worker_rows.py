"""The live workers: each keeps one row fresh, and pages read the rows.

A worker's id identifies its process exactly (boot, process namespace, pid, start time), so that a new
worker on the same machine can tell which of its predecessors are dead.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import delete
from sqlmodel import col, select

from storage import db
from storage.models import Worker

ALIVE_S = 30.0
"""A worker not seen for this long counts as gone."""
FORGET_S = 24 * 3600.0
_START_TOLERANCE_MS = 2000


def _machine() -> str:
    """This boot of this machine and this process namespace: within it a pid means one process."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    booted = boot.read_text().strip()[:8] if boot.exists() else str(int(psutil.boot_time()))
    namespace = Path("/proc/self/ns/pid")
    inside = os.readlink(namespace).strip("pid:[]") if namespace.exists() else "0"
    return f"{booted}-{inside}"


def _identity() -> str:
    return f"{_machine()}-{os.getpid()}-{int(psutil.Process().create_time() * 1000)}"


def register(*, device: str, slots: int, **facts: Any) -> Worker:
    """Put this process on the list of workers; `facts` are further columns of `Worker`."""
    with db.writing() as session:
        at = db.clock(session)
        row = Worker(
            id=_identity(),
            host=socket.gethostname(),
            pid=os.getpid(),
            device=device,
            slots=slots,
            started_at=at,
            seen_at=at,
            **facts,
        )
        return session.merge(row)


def touch(worker: Worker, **facts: Any) -> None:
    """Report that the worker is still alive; `facts` are changed columns. Restores a lost row."""
    for name, value in facts.items():
        setattr(worker, name, value)
    with db.writing() as session:
        worker.seen_at = db.clock(session)
        session.merge(worker)


def leave(worker: Worker) -> None:
    """Take the worker off the list."""
    with db.writing() as session:
        session.exec(delete(Worker).where(col(Worker.id) == worker.id))


def alive() -> list[Worker]:
    """The recently seen workers, the oldest first."""
    with db.reading() as session:
        fresh = select(Worker).where(col(Worker.seen_at) > db.now() - ALIVE_S)
        return list(session.exec(fresh.order_by(col(Worker.started_at), col(Worker.id))).all())


def dead_here() -> list[str]:
    """Ids of workers whose process ran on this machine since it booted and is certainly gone."""
    with db.reading() as session:
        ids = session.exec(select(Worker.id).where(col(Worker.id).startswith(_machine() + "-", autoescape=True))).all()
    return [worker_id for worker_id in ids if not _runs(worker_id)]


def _runs(worker_id: str) -> bool:
    pid, started_ms = (int(part) for part in worker_id.split("-")[-2:])
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() * 1000 - started_ms) < _START_TOLERANCE_MS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def forget(worker_ids: Sequence[str] = ()) -> None:
    """Remove the rows of dead workers: these, and any not seen for a day."""
    with db.writing() as session:
        gone = col(Worker.id).in_(worker_ids) | (col(Worker.seen_at) < db.now() - FORGET_S)
        session.exec(delete(Worker).where(gone))
