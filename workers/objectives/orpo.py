"""Odds-ratio preference optimisation: TRL's trainer on rows from the studio's renderer."""

from __future__ import annotations

from trl.experimental.orpo import ORPOConfig, ORPOTrainer

from templates.objectives.orpo import OrpoParams
from workers.preferences.set_up import on_pairs
from workers.preferences.trainers import WithoutReference
from workers.training.setups import TrainingData, TrainingSetup


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no pair is left."""
    params = data.params
    assert isinstance(params, OrpoParams)
    settings = {"beta": params.beta, "disable_dropout": False, "max_length": params.max_length}
    return on_pairs(data, _Trainer, ORPOConfig, settings)


class _Trainer(WithoutReference, ORPOTrainer):  # type: ignore[misc]
    """TRL's trainer on token ids."""
