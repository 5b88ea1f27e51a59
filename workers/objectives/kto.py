"""Kahneman-Tversky optimisation: TRL's trainer on rows from the studio's renderer.

TRL pairs each prompt with its neighbour's answer once, before the training; here every step does so with its own
rows, so that rows can come in another order in each epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from trl import KTOConfig, KTOTrainer

from templates import registry
from templates.objectives import kto
from templates.objectives.kto import KtoParams
from workers.preferences.interleaved import Interleaved, spread
from workers.preferences.set_up import of_items
from workers.preferences.token_rows import Judged, padded_judged, render_judged
from workers.preferences.trainers import OnTokens
from workers.training.batches import Examples
from workers.training.setups import TrainingData, TrainingSetup, refuse_nothing


def set_up(data: TrainingData) -> TrainingSetup:
    """Raises `BadInput` if no judgement is left, or only one kind of them."""
    params, views = data.params, registry.objective(data.objective).views
    assert isinstance(params, KtoParams)
    train, held_out, selection = (
        render_judged(data.renderer, data.shape, rows, views, max_length=params.max_length)
        for rows in (data.train, data.held_out, data.selection)
    )
    refuse_nothing(data, train)
    n_good = sum(one.wanted for one in train.kept)
    n_bad = len(train.kept) - n_good
    said = [kto.of_judgements(params, n_good, n_bad)]
    good, bad = kto.weights(params, n_good, n_bad)
    settings = {
        "beta": params.beta,
        "desirable_weight": good,
        "undesirable_weight": bad,
        "disable_dropout": False,
        "max_length": params.max_length,
        "loss_type": "apo_zero_unpaired",  # see `_Trainer`
    }
    sides = train, _mixed(held_out), _mixed(selection)
    setup = of_items(data, sides, Interleaved(train.kept, params), _Trainer, KTOConfig, settings)
    return replace(setup, remarks_on=lambda _model, _stopped: said)


def _mixed(made: Examples[Judged]) -> Examples[Judged]:
    """The same answers with both kinds in every batch."""
    order = spread(range(len(made.kept)), made.kept)
    return replace(made, kept=[made.kept[i] for i in order], rows=[made.rows[i] for i in order])


class _Trainer(OnTokens, KTOTrainer):  # type: ignore[misc]
    """TRL's trainer on token ids; its reference is the model with the adapter off."""

    def read_before(self) -> None:
        """Switch to the loss `kto`, which TRL refuses for one row per step: here an item is a whole micro-batch."""
        self.loss_type, self.calculate_KL = "kto", True

    def padded(self, items: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Judged answers, and each prompt with another's answer."""
        return padded_judged(items, self.items, self.pad_id, self.args.max_length)
