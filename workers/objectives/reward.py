"""A reward model: TRL's trainer on rows from the studio's renderer, and a result with a score head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from trl import RewardConfig, RewardTrainer

from templates.objectives.reward import RewardParams
from workers.preferences import reward_judging, score_heads
from workers.preferences.set_up import on_pairs
from workers.preferences.trainers import OnTokens
from workers.training.results import Result
from workers.training.setups import TrainingData, TrainingSetup

RESULT = Result(reward_judging.judge, score_heads.load_new, score_heads.TASK_TYPE)


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no pair is left."""
    params = data.params
    assert isinstance(params, RewardParams)
    settings = {
        "center_rewards_coefficient": params.center_rewards_coefficient,
        "disable_dropout": False,
        "max_length": None,
    }
    return on_pairs(data, _Trainer, RewardConfig, settings)


class _Trainer(OnTokens, RewardTrainer):  # type: ignore[misc]
    """TRL's trainer on token ids: all chosen answers of a batch, then all rejected ones."""

    def padded(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Ids and mask alone: every token is read, and none is learned."""
        sides = [*(pair.chosen for pair in items), *(pair.rejected for pair in items)]
        return score_heads.padded([side.ids for side in sides], self.pad_id)
