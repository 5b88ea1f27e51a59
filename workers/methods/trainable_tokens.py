"""Trainable tokens: the training rows say which."""

from __future__ import annotations

from collections import Counter
from typing import Any

from transformers import PreTrainedModel

from templates.errors import StudioError
from templates.methods.trainable_tokens import TrainableTokensParams
from templates.spec import Params
from workers.training.ahead import TrainingAhead


def configure(params: Params, _model: PreTrainedModel, ahead: TrainingAhead) -> dict[str, Any]:
    """The most frequent tokens of the training rows; of equally frequent ones, those with the smaller ids."""
    assert isinstance(params, TrainableTokensParams)
    counts = Counter(token for example in ahead.examples() for token in example.ids)
    if not counts:
        raise StudioError(
            "There are no training rows whose tokens could be trained.",
            code="nothing_to_learn",
            remedy="Choose data with training rows, or another method.",
        )
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return {"token_indices": sorted(ranked[: params.n_tokens])}
