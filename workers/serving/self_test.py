"""The test of an adapter at load time: what it must show, and the error if it does not."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from templates.errors import StudioError
from workers.serving.attachable import Attachable

SAME = {"cpu": 1e-5, "cuda": 1e-3}
"""Largest difference between the logits of two identical computations, by device type."""


@dataclass(frozen=True)
class SelfTest:
    """The results of the self-test at load time."""

    outcome: str
    """`passed`, or `no_effect`: the adapter is attached but doesn't change the model's answers."""
    base_difference: float
    """Largest change of a base logit when the adapter is attached; must be zero."""
    adapter_effect: float | None = None
    """Largest difference between the adapter's and the base's logits; None without an adapter."""


def difference(one: Tensor, other: Tensor) -> float:
    """The largest between two tensors of logits."""
    return float((one - other).abs().max())


def unproven(entry: Attachable, why: str) -> StudioError:
    """The error for an adapter that fails the test."""
    return StudioError(
        f"Chat can't serve “{entry.name}”: {why}.",
        code="self_test_failed",
        remedy="Download it and use it on its own, and report this with the adapter's recipe.",
    )
