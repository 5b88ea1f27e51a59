"""How far a student's hidden states or attention relations are from a teacher's.

The sources are in `templates/objectives/distill_features.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from templates.errors import StudioError

PROJECTIONS = ("q_proj", "k_proj", "v_proj")


def layer_map(n_student: int, n_teacher: int) -> list[int]:
    """For the states after each of the student's layers, the index of the teacher's; the last maps to the last."""
    return [round((place + 1) * n_teacher / n_student) for place in range(n_student)]


def matrices(student: PreTrainedModel, teacher: PreTrainedModel) -> nn.ModuleList:
    """One matrix for each layer of the student, from its width to the teacher's; of equal widths, the identity."""
    of_student, of_teacher = _text(student), _text(teacher)
    made = [
        nn.Linear(of_student.hidden_size, of_teacher.hidden_size, bias=False)
        for _ in range(of_student.num_hidden_layers)
    ]
    if of_student.hidden_size == of_teacher.hidden_size:
        for matrix in made:
            nn.init.eye_(matrix.weight)
    return nn.ModuleList(made).to(student.device)


def of_states(states: Sequence[Tensor], targets: Sequence[Tensor], maps: nn.ModuleList, mask: Tensor) -> Tensor:
    """The mean over layers of ‖W h − h'‖² / ‖h'‖², over all tokens of `mask` `(rows, time)`.

    `states` and `targets` are transformers' `hidden_states`, `(rows, time, width)`, the embeddings first.
    """
    places, read, n = layer_map(len(states) - 1, len(targets) - 1), mask.bool(), mask.shape[1]
    found = []
    for matrix, state, place in zip(maps, states[1:], places, strict=True):
        target = targets[place][:, -n:][read].float()  # virtual tokens stand before the row's own
        error = matrix(state[:, -n:][read].float()) - target
        found.append(error.pow(2).mean() / target.pow(2).mean().clamp(min=1e-12))
    return torch.stack(found).mean()


@contextmanager
def projected(model: PreTrainedModel) -> Iterator[dict[str, Tensor]]:
    """While inside, a forward pass leaves the last layer's queries, keys and values here, `(rows, time, width)`.

    Keys and values are repeated as attention repeats them. Raises `StudioError` for architectures without them.
    """
    found: dict[str, Tensor] = {}
    modules, config = _last_projections(model), _text(model)
    groups = config.num_attention_heads // (getattr(config, "num_key_value_heads", None) or config.num_attention_heads)

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            found[name] = (
                output if name == "q_proj" else _repeated(output, config.num_attention_heads // groups, groups)
            )

        return hook

    handles = [module.register_forward_hook(keep(name)) for name, module in modules.items()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _last_projections(model: PreTrainedModel) -> dict[str, nn.Module]:
    found = {
        name: [module for path, module in model.named_modules() if path.endswith(f"self_attn.{name}")]
        for name in PROJECTIONS
    }
    if not all(found.values()):
        raise StudioError(
            f"{type(model).__name__} has no separate projections {', '.join(PROJECTIONS)}, which “relations” compares.",
            code="features_do_not_fit",
            remedy="Set features to hidden_states, or choose other models.",
        )
    return {name: modules[-1] for name, modules in found.items()}


def _repeated(output: Tensor, n_heads: int, times: int) -> Tensor:
    heads = output.reshape(*output.shape[:-1], n_heads, -1)
    found: Tensor = heads.repeat_interleave(times, dim=-2).flatten(-2)
    return found


def of_relations(student: dict[str, Tensor], teacher: dict[str, Tensor], n_heads: int, mask: Tensor) -> Tensor:
    """KL(R' ‖ R) with R = softmax(X Xᵀ / √d) over earlier tokens: a mean over tokens and heads.

    Summed over queries, keys and values. Raises `StudioError` if `n_heads` does not divide a width.
    """
    total = torch.zeros((), device=mask.device)
    for name in PROJECTIONS:
        ours, theirs = (_relations(one[name].float(), n_heads, mask) for one in (student, teacher))
        divergence = (theirs.exp() * (theirs - ours)).masked_fill(theirs == -math.inf, 0.0).sum(-1)
        total = total + divergence.mean(1)[mask.bool()].mean()
    return total


def _relations(vectors: Tensor, n_heads: int, mask: Tensor) -> Tensor:
    """The logarithm of the relations, `(rows, heads, time, time)`; −∞ where nothing is related."""
    vectors = vectors[:, -mask.shape[1] :]  # virtual tokens stand before the row's own
    width = vectors.shape[-1]
    if width % n_heads:
        raise StudioError(
            f"{n_heads} heads of the relations do not divide a width of {width}.",
            code="features_do_not_fit",
            remedy="Set relation_heads to a number that divides the widths of both models.",
        )
    heads = vectors.reshape(*vectors.shape[:-1], n_heads, -1).transpose(1, 2)
    scores = heads @ heads.transpose(-1, -2) / math.sqrt(heads.shape[-1])
    earlier = torch.ones(mask.shape[1], mask.shape[1], dtype=torch.bool, device=mask.device).tril()
    allowed = earlier & mask.bool()[:, None, None, :]
    allowed = allowed | torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device)  # padding relates to itself
    found: Tensor = scores.masked_fill(~allowed, -math.inf).log_softmax(-1)
    return found


def _text(model: PreTrainedModel) -> Any:
    return model.config.get_text_config()
