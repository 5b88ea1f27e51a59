"""From a claimed job to the order that its child gets; what is missing is named, never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from storage import db
from storage.bases import base_models
from storage.data import datasets, openings
from storage.gallery import artifacts, suites
from storage.jobs import workspaces
from storage.jobs.leases import Lease
from storage.models import Artifact, BaseModelRow, Dataset, User
from storage.planning import evaluations
from storage.settings import settings
from templates.errors import StudioError
from templates.recipe import Recipe
from workers.protocol import ModelRef, Order


def of(lease: Lease, threads: int) -> Order:
    """The order for this attempt; its staging and checkpoint folders exist.

    Raises `StudioError` when a model or the dataset is gone, or when this version of the product does
    not understand the job.
    """
    job = lease.job
    with db.reading() as session:
        owner = session.get_one(User, job.owner_id)
        dataset = session.get(Dataset, job.dataset_id) if job.dataset_id else None
    order: dict[str, Any] = {
        "kind": job.kind,
        "job_id": job.id,
        "attempt": lease.attempt,
        "name": job.name,
        "log_file": str(workspaces.log_path(job.id, lease.attempt)),
        "eval_rows": settings().eval_rows,
        "threads": threads,
        "staging": "",
        **(_what_to_train(owner, lease) if job.kind == "train" else _what_to_score(owner, lease)),
        **({} if "suite" in job.spec else _rows_of(dataset)),
    }
    try:
        made = Order.model_validate(order)
    except ValidationError as error:
        raise _from_another_version(job.kind) from error
    staging, checkpoints = (workspaces.staging(job.id, lease.attempt), workspaces.checkpoints(job.id))
    for folder in (staging, checkpoints):
        folder.mkdir(parents=True, exist_ok=True)
    return made.model_copy(update={"staging": str(staging), "checkpoints": str(checkpoints)})


def _from_another_version(kind: str) -> StudioError:
    return StudioError(
        f"This {kind} job was submitted to another version of the studio, which described it differently.",
        code="old_job",
        remedy="Submit it again.",
    )


def _rows_of(dataset: Dataset | None) -> dict[str, Any]:
    if dataset is None:
        raise _from_another_version("")
    file = datasets.file(dataset)
    if dataset.deleted_at is not None or not file.is_file():
        raise StudioError(
            f"The dataset “{dataset.name}” ({dataset.source_filename}) was deleted before the job began.",
            code="dataset_missing",
            remedy="Add the dataset again and submit the job again.",
        )
    return {
        "shape": dataset.shape,
        "dataset_file": str(file),
        "dataset_name": dataset.name,
        "dataset_sha256": dataset.sha256,
        "split_seed": dataset.split_seed,
        "held_out_openings": openings.of(dataset),
    }


def _what_to_train(owner: User, lease: Lease) -> dict[str, Any]:
    job = lease.job
    base = base_models.get(owner, job.base_model_id or "")
    try:
        recipe = Recipe.model_validate(job.spec["recipe"])
        recipe.training(), recipe.adaptation()
    except (KeyError, ValidationError) as error:
        raise _from_another_version(job.kind) from error
    return {
        "base": model_ref(owner, base),
        "base_name": base.name,
        "base_source": base.source,
        "base_origin": base.origin,
        "base_license": base.license,
        "facts": base_models.facts(base),
        "recipe": recipe,
        "forgetting_items": suites.forgetting_items(base.source, recipe.method),
    }


def _what_to_score(owner: User, lease: Lease) -> dict[str, Any]:
    models = [evaluations.find_model(owner, name) for name in lease.job.spec["models"]]
    return {"models": tuple(model_ref(owner, model) for model in models), "suite": lease.job.spec.get("suite")}


def model_ref(owner: User, model: BaseModelRow | Artifact) -> ModelRef:
    """How a child finds the model's files. Raises `StudioError` when they are gone."""
    if isinstance(model, BaseModelRow):
        return ModelRef(name=model.name, base_folder=str(base_models.folder(model)), base_revision=model.revision)
    base, own = base_models.get(owner, model.base_model_id), _present(model)
    is_adapter = model.kind == "adapter"
    return ModelRef(
        name=model.name,
        base_folder=str(base_models.folder(base)) if is_adapter else str(own),
        base_revision=base.revision,
        adapter_folder=str(own) if is_adapter else None,
        weights_sha256=model.weights_sha256,
    )


def _present(artifact: Artifact) -> Path:
    folder = artifacts.folder(artifact)
    if not folder.is_dir():
        raise StudioError(
            f"The files of “{artifact.name}” are gone.", code="artifact_missing", remedy="Restore them from a backup."
        )
    return folder
