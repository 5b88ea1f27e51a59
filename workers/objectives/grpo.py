"""Group relative policy optimisation: see `workers/rewards/`."""

from __future__ import annotations

from trl import GRPOConfig

from templates.objectives.grpo import GrpoParams
from workers.rewards.set_up import rewarded
from workers.rewards.trainers import Grpo
from workers.training.setups import TrainingData, TrainingSetup


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no prompt is left."""
    params = data.params
    assert isinstance(params, GrpoParams)
    own = {"beta": params.beta, "loss_type": params.loss_type, "scale_rewards": params.scale_rewards}
    return rewarded(data, Grpo, GRPOConfig, own)
