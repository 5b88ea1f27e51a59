"""The JSON of what jobs use: their inputs, and the chain of trainings that they go on from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from storage import job_inputs
from storage.gallery import chains
from storage.gallery.chains import Chain
from storage.job_inputs import Inputs
from storage.models import Artifact, BaseModelRow, Dataset
from templates.roles import Role

_KINDS = {BaseModelRow: "base_model", Dataset: "dataset", Artifact: "artifact"}


class Used(NamedTuple):
    """A job's inputs, and the part of a document that lists them."""

    inputs: Inputs
    document: dict[str, Any]


def of_jobs(job_ids: Iterable[str]) -> dict[str, Used]:
    """What each of these jobs uses, looked up once for all."""
    inputs = job_inputs.of_jobs(job_ids, names_only=True)
    below = chains.below_jobs(inputs)
    return {job_id: Used(used, _document(used, below.get(job_id))) for job_id, used in inputs.items()}


def _document(inputs: Inputs, chain: Chain | None) -> dict[str, Any]:
    """All inputs; the base model at the root and the first dataset also by id; the trainings on top of the root."""
    used = [
        {"role": one.role, "kind": _KINDS[type(one.thing)], "id": one.thing.id, "name": one.thing.name}
        for one in inputs
    ]
    base = chain.root if chain else inputs.model(Role.BASE)
    return {
        "inputs": used,
        "base_model_id": base.id if isinstance(base, BaseModelRow) else None,
        "chain": [step.model_dump() for step in chain.steps] if chain else [],
        "dataset_id": next((one["id"] for one in used if one["kind"] == "dataset"), None),
    }
