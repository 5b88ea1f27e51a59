"""The labels that a result chooses among, with their tokens, its temperature and its threshold for “don't know”."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.gallery import artifacts
from storage.gallery.strength import LABELS
from storage.models import Artifact
from templates.errors import StudioError

FILE = LABELS


class LabelSet(BaseModel):
    """How to choose among a result's labels: score each one's tokens behind the prompt, then take a softmax."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]
    """The token ids of each label as an answer, with those that end it."""
    lead: str = ""
    """What the chat template puts between the prompt and an answer, such as an empty reasoning block."""
    temperature: float = 1.0
    """Divides the log probabilities before the softmax."""
    base_temperature: float = 1.0
    """The same for the model that the result was compared with."""
    threshold: float | None = None
    """Below this probability the answer is “don't know”; None: no threshold was found."""
    wanted_accuracy: float
    """The share of right answers that the threshold was chosen for."""


def write(labels: LabelSet, folder: Path) -> None:
    """Store them with an artifact."""
    (folder / FILE).write_text(json.dumps(labels.model_dump(), ensure_ascii=False) + "\n", "utf-8")


def of_artifact(artifact: Artifact) -> LabelSet | None:
    """What the artifact chooses among; None if it answers freely."""
    return _of_folder(artifacts.folder(artifact), artifact.manifest_sha256)


@lru_cache(maxsize=64)
def _of_folder(folder: Path, _manifest_sha256: str) -> LabelSet | None:
    if not (folder / FILE).is_file():
        return None
    try:
        return LabelSet.model_validate_json((folder / FILE).read_bytes())
    except ValidationError as error:
        raise StudioError(
            f"The labels of this result can't be read: {FILE} is damaged.",
            code="labels_damaged",
            remedy="Run its job again.",
        ) from error
