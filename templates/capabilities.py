"""Which objective works with which method at which precision of the base, and the reason where one doesn't.

Nothing is listed here: it all follows from what objectives need and what methods declare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from templates import registry
from templates.errors import Problem
from templates.spec import QUANTIZATIONS, Method, Need, Objective, Quantization, Settings

NO_SETTINGS: Settings = {}
NAMED = 3
"""Methods that a refusal proposes."""


@dataclass(frozen=True)
class Capability:
    """One cell of the matrix, for the method's own defaults; `why_not` is None where it works."""

    objective: str
    method: str
    quantization: Quantization
    why_not: str | None = None
    instead: str | None = None


def matrix() -> list[Capability]:
    """Every objective with every method on every precision."""
    return [
        _cell(objective, method, quantization)
        for objective, method, quantization in product(
            registry.objectives().values(), registry.methods().values(), QUANTIZATIONS
        )
    ]


def _cell(objective: Objective, method: Method, quantization: Quantization) -> Capability:
    problems = refusals(objective, method, quantization)
    cell = Capability(objective.key, method.key, quantization)
    if not problems:
        return cell
    first = problems[0]
    return Capability(objective.key, method.key, quantization, first.message, first.remedy)


def refusals(
    objective: Objective,
    method: Method,
    quantization: Quantization = "none",
    settings: Settings | None = None,
    training: Settings = NO_SETTINGS,
) -> list[Problem]:
    """Why this pair can't work, and what to choose instead; empty when it can.

    `settings` are the method's, its defaults when left out; `training` those of the objective.
    """
    given = method.defaults if settings is None else settings
    needs = objective.needs_with(training)
    found = [_unmet(need, objective, method, given) for need in needs if not need.met(method, given)]
    if quantization not in method.quantizations:
        found.append(_imprecise(objective, method, quantization))
    return found


def methods_for(objective: Objective) -> list[Method]:
    """The methods that the objective works with."""
    return [method for method in registry.methods().values() if not refusals(objective, method)]


def _unmet(need: Need, objective: Objective, method: Method, given: Settings) -> Problem:
    defaults = method.defaults
    for name, value in given.items():
        if value != defaults.get(name) and need.met(method, {**given, name: defaults.get(name)}):
            return Problem(
                f"“{value}” does not work with the objective {objective.key}, which {need.why}.",
                field=name,
                remedy=f"Use “{defaults.get(name)}”, or {need.otherwise or 'another objective'}.",
            )
    able = _names(objective, (each for each in registry.methods().values() if need.met(each, each.defaults)))
    return Problem(
        f"The objective {objective.key} {need.why}, and {method.title} ({method.key}) does not allow that.",
        field="method",
        remedy=_instead(able, need),
    )


def _instead(able: str, need: Need) -> str:
    if not able:
        return "Choose another objective."
    return f"Choose the method {able}, or {need.otherwise}." if need.otherwise else f"Choose the method {able}."


def _imprecise(objective: Objective, method: Method, quantization: Quantization) -> Problem:
    able = _names(objective, (each for each in methods_for(objective) if quantization in each.quantizations))
    instead = f" or the method {able}" if able else ""
    return Problem(
        f"{method.title} does not work with quantization “{quantization}”.",
        field="quantization",
        remedy=f"Use quantization {' or '.join(method.quantizations)}{instead}.",
    )


def _names(objective: Objective, methods: Iterable[Method]) -> str:
    """Up to `NAMED` of the methods, the advised one first; those for experts are not named."""
    found = sorted((method.key for method in methods if not method.is_expert), key=objective.advised_method.__ne__)
    return " or ".join(found[:NAMED])
