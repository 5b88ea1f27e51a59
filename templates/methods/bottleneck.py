"""Bottleneck adapters: a small network after each part of a block.

**What it does.** Inserts two thin layers and an activation between them after the feed-forward part of every block
(Pfeiffer), or after attention as well (Houlsby), and adds their output to what passes through: y + up(act(down(y))).
The second begins at zero, so that training starts at the base.

**When to use it.** The oldest kind of adapter, and still a good one: because of the activation it can learn what no
low-rank matrix can. **When not:** when the result must be merged, or served by a program that knows only LoRA: it
can't be merged, and makes every token a little slower.

**Cost.** 2 × width × `bottleneck_size` numbers for each inserted network.

**Source.** Houlsby et al. 2019, arXiv 1902.00751; Pfeiffer et al. 2020, arXiv 2005.00247.
"""

from typing import Literal

from templates import layers
from templates.adapted_layers import rates
from templates.errors import Problem
from templates.spec import BaseFacts, Method, Params, Quantization, setting


class BottleneckParams(Params):
    """Where the networks stand, and how wide they are."""

    placement: Literal["pfeiffer", "houlsby"] = setting("pfeiffer", "Placement")
    """`pfeiffer`: after each feed-forward part. `houlsby`: after each attention too, for twice the numbers."""
    bottleneck_size: int = setting(32, "Width", shown=True, ge=1, le=4096)
    """Of the narrow place in each network. More learns more."""
    activation: Literal["relu", "gelu", "silu", "tanh"] = setting("gelu", "Activation")
    """The function between the two layers."""


def _ends(params: BottleneckParams, facts: BaseFacts) -> int:
    """Number of projections after which a network stands: those that lead back to the model's width."""
    groups: tuple[layers.Group, ...] = ("mlp",) if params.placement == "pfeiffer" else ("attention", "mlp")
    places = [one for one in facts.projections if layers.EXPERTS not in one.place.split(".")]
    return sum(max((one.count for one in places if layers.in_group(one.place, group)), default=0) for group in groups)


def _trained(params: BottleneckParams, facts: BaseFacts) -> int:
    return _ends(params, facts) * (
        2 * facts.hidden_size * params.bottleneck_size + facts.hidden_size + params.bottleneck_size
    )


def _problems(params: BottleneckParams, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    if facts is None or params.bottleneck_size <= facts.hidden_size:
        return []
    message = f"{params.bottleneck_size} is wider than the base model, whose width is {facts.hidden_size}."
    return [Problem(message, field="bottleneck_size", remedy=f"Use at most {facts.hidden_size}.")]


SPEC = Method(
    title="Bottleneck adapter",
    summary="Inserts a small network after each feed-forward part, or after attention too.",
    params=BottleneckParams,
    trains="adapter",
    place=5,
    changes={"mlp": "inserted"},
    peft_type="BOTTLENECK",
    quantizations=("none", "int8", "nf4"),
    mergeable=False,
    advised=rates(2e-3, 2e-4),
    trainable_parameters=_trained,
    problems=_problems,
)
