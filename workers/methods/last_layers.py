"""The last layers: all weights of a model's last blocks, and of what follows them."""

from __future__ import annotations

from torch import nn
from transformers import PreTrainedModel

from templates.errors import StudioError
from templates.methods.last_layers import LastLayersParams
from templates.spec import Params
from workers import targets
from workers.training.ahead import TrainingAhead


def adapt(model: PreTrainedModel, params: Params, _ahead: TrainingAhead) -> PreTrainedModel:
    """The same model, of which only the end is trainable."""
    assert isinstance(params, LastLayersParams)
    model.requires_grad_(False)
    blocks = targets.blocks(model).layers
    if params.last > len(blocks):
        raise StudioError(
            f"The base has only {len(blocks)} layers.", code="method_does_not_fit", remedy=f"Use at most {len(blocks)}."
        )
    blocks[-params.last :].requires_grad_(True)
    if params.train_head:
        _train_end(model, blocks)
    return model


def _train_end(model: PreTrainedModel, blocks: nn.ModuleList) -> None:
    """The norms outside the blocks, and the head, unless it is the table of embeddings."""
    for name, module in model.named_modules():
        if targets.is_norm(module) and not any(module is inner for inner in blocks.modules()):
            module.requires_grad_("embed" not in name)
    head, table = model.get_output_embeddings(), model.get_input_embeddings()
    if head is not None and head.weight is not table.weight:
        head.requires_grad_(True)
