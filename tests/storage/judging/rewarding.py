"""Results in the gallery, without files: models, and reward models that judge."""

from __future__ import annotations

from typing import Any

from storage import db, job_inputs
from storage.bases import base_models
from storage.jobs import jobs
from storage.models import Artifact, Dataset, User
from templates.roles import Role
from tests.storage.votes.voting import NANO

ON_LENGTH = "Longer answers get higher scores."


def result(
    user: User,
    name: str,
    *data: Dataset,
    on: Artifact | None = None,
    kind: str = "reward_model",
    by: Artifact | None = None,
) -> Artifact:
    """A result that was trained on these datasets, on top of a base model or of another result, rewarded `by` one."""
    inputs = job_inputs.of(Role.BASE, on or base_models.get(user, NANO)) + job_inputs.of(Role.TRAINING, *data)
    inputs += job_inputs.of(Role.REWARD, by) if by else []
    job = jobs.submit(user, name=name, kind="train", spec={}, inputs=inputs)
    verdict: dict[str, Any] = {"reward": {"sentence": ON_LENGTH}} if kind == "reward_model" else {}
    facts = {"recipe": {}, "weights_sha256": "ab" * 32, "verdict": verdict}
    made = Artifact(
        **{"owner_id": user.id, "job_id": job.id, "attempt": 1, "name": name, "kind": kind, "location": name},
        **{"facts": facts, "manifest_sha256": "x", "size_bytes": 1, "duration_s": 1.0, "created_at": job.created_at},
    )
    with db.writing() as session:
        session.add(made)
        session.get_one(type(job), job.id).state = "SUCCEEDED"
    return made
