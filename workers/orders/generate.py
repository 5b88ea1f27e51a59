"""The order for a generation: the teacher, the prompts, how to decode, and which answers to drop."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from storage.gallery import artifacts
from storage.models import Artifact, BaseModelRow
from templates.jobs.generate import GenerateParams
from templates.roles import Role
from workers.materials import model_ref, rows_of
from workers.orders import Claimed
from workers.protocol import ModelRef, Order


class GenerationOrder(Order):
    """An order to answer the prompts in the rows of a dataset."""

    model: ModelRef
    params: GenerateParams
    filters: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings by the key of each filter that drops answers."""
    teacher: dict[str, Any]
    """As `Dataset.teacher`."""
    shape: str
    dataset_file: str
    """Parquet with the shape's fields and a boolean column `held_out`."""
    dataset_name: str
    dataset_sha256: str
    split_seed: int
    instruction: str = ""
    """The system text of every row without its own."""


ORDER = GenerationOrder


def order(claimed: Claimed) -> GenerationOrder:
    """The order for a claimed job."""
    model = claimed.model(Role.MODEL)
    ref = model_ref(model)
    return GenerationOrder(
        **claimed.common,
        **rows_of(claimed.dataset(Role.PROMPTS)),
        model=ref,
        teacher=_teacher(model, ref),
        filters=claimed.job.spec.get("filters", {}),
        instruction=claimed.job.spec.get("instruction", ""),
        params=GenerateParams.model_validate(claimed.job.spec.get("params")),
    )


def _teacher(model: BaseModelRow | Artifact, ref: ModelRef) -> dict[str, Any]:
    root = model if isinstance(model, BaseModelRow) else artifacts.base_of(model)
    return {
        "name": model.name,
        "revision": ref.base_revision,
        "weights_sha256": ref.weights_sha256,
        "license": root.license,
    }
