"""What the objectives that learn the next token have in common: how replayed rows keep the model near its base."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from templates.metrics import Metric
from templates.spec import BASE_BEHIND_ADAPTER, Need, TrainingParams, setting

KL = "kl_coef"
KL_METRIC = Metric("kl", "Distance to the base on replayed rows", "nats", higher_is_better=None)


class NextTokenParams(TrainingParams):
    """Settings of next-token losses."""

    kl_coef: float = setting(0.0, "Nearness to the base on replayed rows (kl_coef)", ge=0, le=100)
    """Above 0, replayed rows are not learned: they hold the model near the base. At 1, each of their tokens counts as
    much as a learned one. Needs an adapter method."""

    @property
    def is_dynamic(self) -> bool:
        """Whether each token's loss is weighted by its probability."""
        return False


def near_base(given: Mapping[str, Any]) -> bool:
    """Whether these settings of an objective, valid or not, keep replayed rows near the base."""
    weight = given.get(KL)
    return isinstance(weight, int | float) and weight > 0


NEAR_BASE = Need(
    BASE_BEHIND_ADAPTER.met,
    f"compares replayed rows with the untouched base if {KL} is above 0, and the base must stay behind the adapter",
    arises=near_base,
    otherwise=f"set {KL} to 0",
)


OWN_LOSS = Need(
    lambda method, _settings: not method.adds_to_loss,
    f"computes the loss itself with these settings ({KL}, loss_type)",
    arises=lambda given: near_base(given) or given.get("loss_type") == "dft",
    otherwise=f"set {KL} to 0 and loss_type to nll",
)


def loss_means(given: Mapping[str, Any]) -> str:
    """What the charted training loss is with these settings, as the end of its caption."""
    said = []
    if given.get("loss_type") == "dft":
        said.append("each token’s training loss is weighted by its probability (dft)")
    if near_base(given):
        said.append("the training loss includes the distance to the base on replayed rows")
    return "; ".join(said)
