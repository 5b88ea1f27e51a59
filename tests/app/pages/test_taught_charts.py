"""The charts of a training with a teacher say what their loss is."""

from __future__ import annotations

from typing import Any

import pytest

from app.pages import job_charts
from storage.models import Job, JobMetric
from templates import registry


def charts(objective: str, settings: dict[str, Any] | None = None, **values: float) -> str:
    recipe = {"objective": objective, "objective_params": settings or {}}
    job = Job(
        owner_id="u", idem_key="k", name="n", kind="train", spec={"recipe": recipe},
        spec_sha256="0", total_steps=4, created_at=0.0,
    )  # fmt: skip
    points = [
        JobMetric(job_id="j", split=split, step=step, attempt=1, values={"loss": 1.0 / step, **values}, at=0.0)
        for split in ("train", "held_out")
        for step in (1, 2, 3)
    ]
    return str(job_charts.of(job, points)[0])


@pytest.mark.parametrize("objective", [key for key, one in registry.objectives().items() if one.loss_meant({})])
def test_a_loss_that_is_a_distance_is_called_one(objective: str) -> None:
    assert registry.objective(objective).loss_meant({}) in charts(objective)
    assert "distance" not in charts("sft")


def test_a_loss_that_is_not_the_plain_one_is_explained() -> None:
    near = charts("sft", {"kl_coef": 0.5, "loss_type": "dft"}, kl=0.2)
    assert "includes the distance to the base on replayed rows" in near
    assert "weighted by its probability (dft)" in near
    assert "distance to the base on replayed rows" in near.split("<figcaption>")[2]
    assert "includes" not in charts("sft", {"kl_coef": 0.0, "loss_type": "nll"})


def test_the_length_of_answers_is_neither_good_nor_bad() -> None:
    drawn = charts("distill_on_policy", **{"completions/mean_length": 7.0, "completions/clipped_ratio": 0.5})
    length, cut = (part.partition("</figcaption>")[0] for part in drawn.split("<figcaption>")[2:])
    assert "is better" not in length
    assert "lower is better" in cut
