"""The outcome of every held-out row, as stored with an artifact, so that results can be compared in pairs.

Artifacts of earlier versions have only the answers; their right and wrong ones are read from these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from storage import db
from storage.data import datasets, row_files
from storage.data.rows import resampled
from storage.gallery import artifacts
from storage.models import Artifact, Dataset
from templates import registry

FILE = Path("evaluation") / "outcomes.json"
ANSWERS = Path("evaluation") / "answers.jsonl"
RIGHT_ANSWERS = ("label_accuracy", "exact_match")


class RowOutcomes(BaseModel):
    """One model on one held-out side; every list has one entry per row, None where nothing was measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    side: str
    """Hash of the held-out rows: equal for equal rows, also in another version of the dataset."""
    row: list[int]
    """Row numbers in the source file."""
    group: list[int]
    """Rows of one group are resampled together."""
    n_tokens: list[int]
    """Scored tokens; 0 if none could be scored."""
    nll: list[float]
    """Sum of the scored tokens' negative log likelihoods, in nats."""
    right: list[bool | None]
    similarity: list[float | None]
    """chrF between the answer and the expected one, from 0 to 1."""
    prefers: list[float | None]
    """Log likelihood of the chosen answer minus that of the rejected one, in nats."""


def side_of(rows: Iterable[Mapping[str, Any]], shape_key: str) -> str:
    """The hash of held-out rows: of the fields of their shape, in their order."""
    fields = [field.name for field in registry.shape(shape_key).fields]
    digest = hashlib.sha256(shape_key.encode())
    for row in rows:
        digest.update(json.dumps([row.get(name) for name in fields], ensure_ascii=False, default=str).encode())
    return digest.hexdigest()


def write(outcomes: RowOutcomes, folder: Path) -> None:
    """Store the outcomes in an artifact's folder."""
    (folder / FILE).parent.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(outcomes.model_dump_json(), "utf-8")


def of_artifact(artifact: Artifact, measured_on: Dataset) -> RowOutcomes | None:
    """The artifact's outcomes on the dataset; None if it has none that can be used."""
    return _of_folder(artifacts.folder(artifact), artifact.manifest_sha256, artifact.id, measured_on.id)


@lru_cache(maxsize=32)
def _of_folder(folder: Path, _manifest_sha256: str, artifact_id: str, dataset_id: str) -> RowOutcomes | None:
    if (folder / FILE).is_file():
        return RowOutcomes.model_validate_json((folder / FILE).read_bytes())
    with db.reading() as session:
        artifact, dataset = session.get_one(Artifact, artifact_id), session.get_one(Dataset, dataset_id)
    if not (folder / ANSWERS).is_file() or not datasets.file(dataset).is_file():
        return None
    answers = [json.loads(line) for line in (folder / ANSWERS).read_text("utf-8").splitlines() if line]
    return of_answers(answers, artifact.facts.get("verdict") or {}, dataset)


def of_answers(answers: list[dict[str, Any]], verdict: Mapping[str, Any], dataset: Dataset) -> RowOutcomes | None:
    """Outcomes from the stored answers; None if they don't give the verdict's own number of right answers."""
    right = {answer["row"]: _right(answer) for answer in answers}
    told = next((verdict["metrics"][name] for name in RIGHT_ANSWERS if name in verdict.get("metrics", {})), None)
    if not right or told is None or round(told["adapted"]["value"] * len(right)) != sum(right.values()):
        return None
    shape, rows = registry.shape(dataset.shape), datasets.rows(dataset, side="held_out")
    documents = row_files.documents(datasets.file(dataset))
    grouping = resampled.grouping(shape, rows, datasets.rows(dataset, side="training"), documents)
    n = len(rows)
    return RowOutcomes(
        side=side_of(rows, dataset.shape),
        row=[row["source_row"] for row in rows],
        group=grouping.groups.tolist(),
        n_tokens=[0] * n,
        nll=[0.0] * n,
        right=[right.get(row["source_row"]) for row in rows],
        similarity=[None] * n,
        prefers=[None] * n,
    )


def _right(answer: Mapping[str, Any]) -> bool:
    """Whether the result's answer was right. A changed answer that is neither better nor worse was wrong before too."""
    if answer["change"] in ("better", "worse"):
        return bool(answer["change"] == "better")
    return bool(answer["change"] == "same" and answer["adapted"] == answer["expected"])
