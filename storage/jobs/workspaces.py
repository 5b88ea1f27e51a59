"""A job's folders inside the file store; all their paths are made here."""

from __future__ import annotations

import shutil
from pathlib import Path

from storage.settings import settings

LOG_TAIL_BYTES = 256 * 1024


def folder(job_id: str) -> Path:
    """The job's folder."""
    return settings().files / "jobs" / job_id


def checkpoints(job_id: str) -> Path:
    """The job's checkpoints, one sealed folder each."""
    return folder(job_id) / "checkpoints"


def staging(job_id: str, attempt: int) -> Path:
    """The folder where an attempt prepares its result."""
    return folder(job_id) / f"staging-{attempt}"


def log_path(job_id: str, attempt: int) -> Path:
    """The attempt's log: everything that its child printed."""
    return folder(job_id) / f"attempt-{attempt}.log"


def artifact_location(job_id: str, attempt: int) -> str:
    """The published folder, relative to the file store."""
    return f"artifacts/{job_id}/{attempt}"


def log_tail(job_id: str, attempt: int, lines: int = 200) -> str:
    """The last lines of an attempt's log; empty when there is none yet."""
    path = log_path(job_id, attempt)
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


def clean(job_id: str) -> None:
    """Remove an ended job's checkpoints and staging folders; its logs stay."""
    for path in (checkpoints(job_id), *folder(job_id).glob("staging-*")):
        shutil.rmtree(path, ignore_errors=True)
