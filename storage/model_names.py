"""Names of models: one namespace for base models and artifacts, so that `--model M` means one thing."""

from __future__ import annotations

import itertools
import re

from sqlmodel import col, or_, select

from storage import db
from storage.models import TERMINAL, Artifact, BaseModelRow, Job, User
from templates import registry
from templates.errors import Problem

PATTERN = r"[^\W_][\w.-]{0,63}"
MAX_CHARS = 64


def flaw(name: str, field: str = "name") -> list[Problem]:
    """Problems with the form of a name; empty for a usable name."""
    if re.fullmatch(PATTERN, name):
        return []
    shown = name if len(name) <= 40 else name[:40] + "…"
    return [
        Problem(
            f"“{shown}” is not a valid name.",
            field=field,
            remedy="Use 1–64 letters, digits and . _ -, starting with a letter or digit.",
        )
    ]


def problems(user: User, name: str, *, but_artifact: str | None = None) -> list[Problem]:
    """Reasons why the user can't give a new model this name: its form, or its present holder.

    A job that has not ended reserves its result's name. `but_artifact` is the id of the artifact
    that is being renamed.
    """
    return flaw(name) or _taken(user, name, but_artifact)


def free(user: User, stem: str) -> str:
    """`stem`, or the first of `stem-2`, `stem-3` … that a new model can be called."""
    return numbered(user, stem) if _taken(user, stem, None) else stem


def numbered(user: User, stem: str) -> str:
    """The first free name of `stem-2`, `stem-3` …"""
    names = (f"{stem[: MAX_CHARS - len(end)]}{end}" for end in map("-{}".format, itertools.count(2)))
    return next(name for name in names if not problems(user, name))


def held_by_job(user: User, name: str, publishes: str) -> bool:
    """Whether a job that has not ended will publish a result of this kind under this name."""
    kinds = [kind.key for kind in registry.job_kinds().values() if kind.publishes == publishes]
    held = select(Job.id).where(
        Job.owner_id == user.id, Job.name == name, col(Job.kind).in_(kinds), col(Job.state).not_in(TERMINAL)
    )
    with db.reading() as session:
        return session.exec(held).first() is not None


def _taken(user: User, name: str, but_artifact: str | None) -> list[Problem]:
    base = select(BaseModelRow.id).where(BaseModelRow.name == name)
    mine = or_(col(BaseModelRow.owner_id).is_(None), col(BaseModelRow.owner_id) == user.id)
    artifact = select(Artifact.id).where(
        Artifact.owner_id == user.id,
        Artifact.name == name,
        col(Artifact.deleted_at).is_(None),
        Artifact.id != (but_artifact or ""),
    )
    with db.reading() as session:
        if session.exec(base.where(mine)).first():
            holder = "a base model"
        elif session.exec(artifact).first():
            holder = "a model in your gallery"
        elif held_by_job(user, name, "artifact") or held_by_job(user, name, "model"):
            holder = "a job that has not ended"
        else:
            return []
    return [Problem(f"“{name}” is already the name of {holder}.", field="name", remedy="Choose another name.")]
