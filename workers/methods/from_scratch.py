"""Training from random weights: the architecture of the base, initialised anew."""

from typing import cast

from transformers import AutoModelForCausalLM, PreTrainedModel

from templates.spec import Params
from workers.training.ahead import TrainingAhead


def adapt(model: PreTrainedModel, _params: Params, _ahead: TrainingAhead) -> PreTrainedModel:
    """A model of the same shape and precision with fresh weights, drawn with torch's seed."""
    fresh = AutoModelForCausalLM.from_config(model.config, dtype=model.dtype, trust_remote_code=False)
    fresh.generation_config = model.generation_config
    fresh.requires_grad_(True)
    return cast(PreTrainedModel, fresh.to(model.device))
