"""Simple preference optimisation: TRL's CPO trainer with the loss of SimPO, on rows from the studio's renderer."""

from __future__ import annotations

from trl.experimental.cpo import CPOConfig, CPOTrainer

from templates.objectives.simpo import SimpoParams
from workers.preferences.set_up import on_pairs
from workers.preferences.trainers import WithoutReference
from workers.training.setups import TrainingData, TrainingSetup


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no pair is left."""
    params = data.params
    assert isinstance(params, SimpoParams)
    settings = {
        "loss_type": "simpo",
        "beta": params.beta,
        "simpo_gamma": params.simpo_gamma,
        "cpo_alpha": params.cpo_alpha,
        "label_smoothing": params.label_smoothing,
        "disable_dropout": False,
        "max_length": params.max_length,
    }
    return on_pairs(data, _Trainer, CPOConfig, settings)


class _Trainer(WithoutReference, CPOTrainer):  # type: ignore[misc]
    """TRL's trainer on token ids."""
