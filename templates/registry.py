"""Finds methods, objectives and row shapes: a declaration registers by existing in its folder."""

from __future__ import annotations

from functools import cache
from typing import TypeVar

from templates.discovery import specs
from templates.errors import BadInput, Problem
from templates.spec import Method, Objective, RowShape

Spec = TypeVar("Spec", Method, Objective, RowShape)


@cache
def methods() -> dict[str, Method]:
    """Every method by key, in the order of the keys."""
    return specs("templates.methods", Method)


@cache
def objectives() -> dict[str, Objective]:
    """Every objective by key, in the order of the keys."""
    return specs("templates.objectives", Objective)


@cache
def shapes() -> dict[str, RowShape]:
    """Every row shape by key, in the order of the keys."""
    return specs("templates.shapes", RowShape)


def objectives_for(shape: str) -> list[Objective]:
    """The objectives that take rows of this shape; there may be none."""
    return [objective for objective in objectives().values() if shape in objective.row_shapes]


def _get(table: dict[str, Spec], key: str, field: str) -> Spec:
    if key not in table:
        raise BadInput(Problem(f"“{key}” is not known.", field=field, remedy=f"Choose one of: {', '.join(table)}."))
    return table[key]


def method(key: str) -> Method:
    """The method `key`. Raises `BadInput` naming the known ones."""
    return _get(methods(), key, "method")


def objective(key: str) -> Objective:
    """The objective `key`. Raises `BadInput` naming the known ones."""
    return _get(objectives(), key, "objective")


def shape(key: str) -> RowShape:
    """The row shape `key`. Raises `BadInput` naming the known ones."""
    return _get(shapes(), key, "shape")
