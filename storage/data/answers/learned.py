"""The answers that a result learned from its teacher, as they are kept with it: made into a dataset on demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from storage import files
from storage.data import dataset_names, datasets
from storage.gallery import artifacts
from storage.models import Artifact, Dataset, User
from templates.errors import BadInput, Problem

FOLDER = "teacher_answers"
"""Folder in the artifact."""
DATASET = "dataset.json"
"""The dataset that its answers make, as `workers.protocol.MadeDataset`."""
TAKEN = ("shape", "teacher", "n_rows", "n_held_out", "split_seed", "instruction")


def of(artifact: Artifact) -> dict[str, Any] | None:
    """What is kept with the result; None if it learned no answers of a teacher."""
    file = _folder(artifact) / DATASET
    return json.loads(file.read_bytes()) if file.is_file() else None


def keep(user: User, name_or_id: str, *, name: str) -> Dataset:
    """Make a dataset of a result's answers, with the dropped ones beside it.

    Raises `NotFound` for an unknown result, `BadInput` if it learned no answers, `Conflict` for a taken name.
    """
    artifact = artifacts.get(user, name_or_id)
    told = of(artifact)
    if told is None:
        raise BadInput(
            Problem(
                f"“{artifact.name}” learned no answers of a teacher.",
                field="from_artifact",
                remedy="Name a result of the objective distill_text, or let a model answer: studio generate.",
            )
        )
    name = dataset_names.usable(user, name)
    folder = _folder(artifact)
    return datasets.insert(
        user,
        name=name,
        source_filename=f"{told['source']}, kept with {artifact.name}",
        sha256=_blob(folder / told["file"]),
        dropped_sha256=_blob(folder / told["dropped_file"]) if told["dropped_file"] else None,
        mapping={},
        remarks=list(told["remarks"]),
        **{key: told[key] for key in TAKEN},
    )


def _folder(artifact: Artifact) -> Path:
    return artifacts.folder(artifact) / FOLDER


def _blob(path: Path) -> str:
    with path.open("rb") as file:
        sha256, _ = files.put_blob(file)
    return sha256
