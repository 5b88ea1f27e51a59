"""Resolves models and rows to the folders and files that a child needs. Names what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from storage.bases import base_models
from storage.data import datasets
from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow, Dataset
from templates import registry
from templates.errors import StudioError
from workers.protocol import ModelRef


def model_ref(model: BaseModelRow | Artifact) -> ModelRef:
    """The paths of the model's files. Raises `StudioError` if they are gone."""
    if isinstance(model, BaseModelRow):
        return ModelRef(name=model.name, base_folder=str(base_models.folder(model)), base_revision=model.revision)
    own, facts, root = _present(model), artifacts.model_facts(model), artifacts.base_of(model)
    return ModelRef(
        name=model.name,
        base_folder=str(artifacts.own_weights(model) or base_models.folder(root)),
        base_revision=facts.own_base or root.revision,
        adapter_folder=str(own) if registry.artifact_kind(model.kind).on_base else None,
        weights_sha256=facts.weights_sha256,
    )


def _present(artifact: Artifact) -> Path:
    folder = artifacts.folder(artifact)
    if artifact.deleted_at is not None:
        raise StudioError(
            f"“{artifact.name}” was deleted before the job started.",
            code="artifact_missing",
            remedy="Submit the job again with another model.",
        )
    if not folder.is_dir():
        raise StudioError(
            f"The files of “{artifact.name}” are gone.", code="artifact_missing", remedy="Restore them from a backup."
        )
    return folder


def rows_of(dataset: Dataset) -> dict[str, Any]:
    """The dataset's rows as fields of an order. Raises `StudioError` if they are gone."""
    file = datasets.file(dataset)
    if dataset.deleted_at is not None or not file.is_file():
        raise StudioError(
            f"The dataset “{dataset.name}” ({dataset.source_filename}) was deleted before the job started.",
            code="dataset_missing",
            remedy="Add the dataset again and submit the job again.",
        )
    return {
        "shape": dataset.shape,
        "dataset_file": str(file),
        "dataset_name": dataset.name,
        "dataset_sha256": dataset.sha256,
        "split_seed": dataset.split_seed,
    }
