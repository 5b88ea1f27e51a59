"""REINFORCE leave-one-out: see `workers/rewards/`."""

from __future__ import annotations

from trl import RLOOConfig

from templates.objectives.rloo import RlooParams
from workers.rewards.set_up import rewarded
from workers.rewards.trainers import Rloo
from workers.training.setups import TrainingData, TrainingSetup


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no prompt is left."""
    params = data.params
    assert isinstance(params, RlooParams)
    own = {"beta": params.beta, "normalize_advantages": params.normalize_advantages}
    return rewarded(data, Rloo, RLOOConfig, own)
