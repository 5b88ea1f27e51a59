"""What teachers said about rows, kept in the file store for every later training on the same rows.

A folder's name is a hash of all that its content depends on. A job that reads or fills it leaves a file with the
job's id in `jobs/`; while such a job has not ended, the folder stays.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from storage import db
from storage.files import atomic_file
from storage.models import TERMINAL, Job, User
from storage.settings import settings
from templates.errors import Conflict, NotFound

USERS = "jobs"
FACTS = "facts.json"
UNUSED_S = 14 * 24 * 3600.0
"""A folder that no job has used for this long is removed: it can be made again."""


@dataclass(frozen=True)
class Reading:
    """One folder, as lists show it."""

    key: str
    teacher: str
    kind: str
    size_bytes: int
    n_tokens: int
    """Learned tokens about which the teacher was asked."""
    complete: bool
    used_at: float
    job_ids: tuple[str, ...]
    """The jobs that have used it."""


def home() -> Path:
    """The folder of all of them."""
    return settings().files / "teachers"


def mark_used(folder: Path, job_id: str) -> None:
    """Note that the job uses the folder, which is made if necessary."""
    (folder / USERS).mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / USERS / job_id) as file:
        file.write(b"")


def of_user(user: User) -> list[Reading]:
    """Those that the user's jobs have used, the newest first."""
    found = [_reading(folder) for folder in _folders()]
    with db.reading() as session:
        mine = set(session.exec(select(Job.id).where(Job.owner_id == user.id)))
    own = [one for one in found if mine.intersection(one.job_ids)]
    return sorted(own, key=lambda one: -one.used_at)


def total_bytes() -> int:
    """The size of all of them."""
    return sum(_size(folder) for folder in _folders())


def delete(user: User, key: str) -> None:
    """Remove one that the user's jobs have used. Raises `Conflict` naming a job that needs it."""
    found = next((one for one in of_user(user) if one.key == key or one.key.startswith(key)), None)
    if found is None or not key:
        raise NotFound(f"No teacher's answers are kept as “{key}”.", remedy="The list shows the keys.")
    using = _using(found.job_ids)
    if using:
        own = next((job for job in using if job.owner_id == user.id), None)
        by = f"the job “{own.name}”" if own else "a job that has not ended"
        raise Conflict(f"What “{found.teacher}” said is used by {by}.", remedy="Wait for its end, or cancel it.")
    _removed(home() / found.key)


def unneeded(older_than_s: float) -> Iterator[Path]:
    """Folders that no job has used for two weeks; never those of a job that has not ended."""
    for folder in _folders():
        age_s = time.time() - _used_at(folder)
        if age_s > max(older_than_s, UNUSED_S) and not _using(_job_ids(folder)):
            yield folder


def _folders() -> list[Path]:
    return [path for path in home().glob("*") if path.is_dir() and not path.name.startswith(".")]


def _using(job_ids: Sequence[str]) -> Sequence[Job]:
    """The jobs among these that have not ended."""
    with db.reading() as session:
        return session.exec(select(Job).where(col(Job.id).in_(job_ids), col(Job.state).not_in(TERMINAL))).all()


def _reading(folder: Path) -> Reading:
    facts = facts_of(folder)
    return Reading(
        key=folder.name,
        teacher=str(facts.get("teacher", "")),
        kind=str(facts.get("kind", "")),
        size_bytes=_size(folder),
        n_tokens=int(facts.get("n_tokens", 0)),
        complete=bool(facts.get("complete")),
        used_at=_used_at(folder),
        job_ids=_job_ids(folder),
    )


def facts_of(folder: Path) -> dict[str, Any]:
    """What the worker wrote about the folder; empty before it began."""
    try:
        found: dict[str, Any] = json.loads((folder / FACTS).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _job_ids(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.name for path in (folder / USERS).glob("*")))


def _used_at(folder: Path) -> float:
    return max((path.stat().st_mtime for path in (folder / USERS).glob("*")), default=folder.stat().st_mtime)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _removed(folder: Path) -> None:
    """Rename it first, so that no job finds half of it."""
    grave = folder.with_name(f".removed-{folder.name}")
    folder.rename(grave)
    shutil.rmtree(grave, ignore_errors=True)
