"""Adapter methods that go on a base's projections: which ones, and how many parameters that trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from templates import layers
from templates.errors import Problem
from templates.layers import Projection
from templates.spec import BaseFacts, Params, Quantization, setting

Which = Literal["all-linear", "attention", "mlp"]
BOTH: Mapping[Any, Any] = {"attention": "beside", "mlp": "beside"}
"""What changes by default: matrices beside attention and feed-forward."""


class AdaptedLayers(Params):
    """Settings of a method that goes on projections."""

    target_modules: Which = setting("all-linear", "Layers to adapt")
    """`all-linear` adapts every projection; `attention` only the query, key, value and output ones; `mlp` only the
    feed-forward ones."""


Layered = TypeVar("Layered", bound=AdaptedLayers)
PerLayer = Callable[[Any, int, int], float]
"""`(params, outputs, inputs) -> trained parameters` of one layer."""


def targets(params: AdaptedLayers, facts: BaseFacts) -> list[Projection]:
    """The projections that the settings adapt; a mixture's experts are not layers, and stay as they are."""
    which = params.target_modules
    return [
        projection
        for projection in facts.projections
        if layers.EXPERTS not in projection.place.split(".")
        and (which == "all-linear" or layers.in_group(projection.place, which))
    ]


def counted(per_layer: PerLayer) -> Callable[[Any, BaseFacts], int]:
    """The number of trained parameters, from that of each layer."""

    def count(params: Any, facts: BaseFacts) -> int:
        return round(sum(one.count * per_layer(params, *one.shape) for one in targets(params, facts)))

    return count


def rates(small: float, usual: float) -> Callable[[BaseFacts], Mapping[str, Any]]:
    """A learning rate for small bases, and one for others."""
    return lambda facts: {"learning_rate": small if facts.is_small else usual}


def no_such_layers(params: AdaptedLayers, facts: BaseFacts | None) -> list[Problem]:
    """The problem with settings that find no layer in this base."""
    if facts is None or not facts.projections or targets(params, facts):
        return []
    message = f"the base model has no {params.target_modules} layers that this method can adapt."
    remedy = f"Use all-linear; its layers are called {layers.names(facts.projections)}."
    return [Problem(message, field="target_modules", remedy=remedy)]


def fits(params: Any, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
    """The problems of a method with nothing but a rank."""
    found = no_such_layers(params, facts)
    if facts and params.r > facts.hidden_size:
        message = f"rank {params.r} is larger than the base model's width of {facts.hidden_size}; use at most that."
        found.append(Problem(message, field="r"))
    return found


def at_most_weights(name: str) -> Callable[[Any, Quantization, BaseFacts | None], list[Problem]]:
    """The check that every adapted layer has at least as many weights as the setting `name` wants to train."""

    def problems(params: Any, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
        found = no_such_layers(params, facts)
        smallest = min((one.shape[0] * one.shape[1] for one in targets(params, facts)), default=0) if facts else 0
        if smallest and getattr(params, name) > smallest:
            what = f"the smallest adapted layer has only {smallest:,} weights."
            found.append(Problem(what, field=name, remedy=f"Use at most {smallest:,}."))
        return found

    return problems


def divides(name: str, what: str = "inputs") -> Callable[[Any, Quantization, BaseFacts | None], list[Problem]]:
    """The check that the setting `name` divides the number of `inputs`, `outputs` or `both` of every adapted layer."""

    def problems(params: Any, _quantization: Quantization, facts: BaseFacts | None) -> list[Problem]:
        found, size = no_such_layers(params, facts), getattr(params, name)
        if facts is None:
            return found
        sides = {"inputs": slice(1, 2), "outputs": slice(0, 1), "both": slice(0, 2)}[what]
        widths = {width for one in targets(params, facts) for width in list(one.shape)[sides]}
        if odd := sorted(width for width in widths if width % size):
            able = [n for n in (256, 128, 64, 32, 16, 8, 4, 2, 1) if not any(width % n for width in widths)]
            message = f"{size} does not divide the widths of the adapted layers ({', '.join(map(str, odd))})."
            found.append(Problem(message, field=name, remedy=f"Use {able[0]}."))
        return found

    return problems
