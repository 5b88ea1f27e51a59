"""Full fine-tuning: the model itself, with every weight trainable."""

from transformers import PreTrainedModel

from templates.spec import Params
from workers.training.ahead import TrainingAhead


def adapt(model: PreTrainedModel, _params: Params, _ahead: TrainingAhead) -> PreTrainedModel:
    """The same model; tied weights stay tied."""
    model.requires_grad_(True)
    return model
