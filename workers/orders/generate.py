"""The order for a generation: the model, the prompts, and how to decode."""

from __future__ import annotations

from templates.jobs.generate import GenerateParams
from templates.roles import Role
from workers.materials import model_ref, rows_of
from workers.orders import Claimed
from workers.protocol import ModelRef, Order


class GenerationOrder(Order):
    """An order to answer the prompts in the rows of a dataset."""

    model: ModelRef
    params: GenerateParams
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
    return GenerationOrder(
        **claimed.common,
        **rows_of(claimed.dataset(Role.PROMPTS)),
        model=model_ref(claimed.model(Role.MODEL)),
        instruction=claimed.job.spec.get("instruction", ""),
        params=GenerateParams.model_validate(claimed.job.spec.get("params")),
    )
