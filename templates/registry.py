"""Finds methods, objectives and row shapes: a declaration registers by existing in its folder."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from functools import cache
from typing import TypeVar

from templates.errors import BadInput, Problem
from templates.spec import Method, Objective, RowShape

Spec = TypeVar("Spec", Method, Objective, RowShape)


def _discover(folder: str, kind: type[Spec]) -> dict[str, Spec]:
    package = importlib.import_module(f"templates.{folder}")
    found: dict[str, Spec] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda i: i.name):
        module = importlib.import_module(f"templates.{folder}.{info.name}")
        spec = getattr(module, "SPEC", None)
        if not isinstance(spec, kind):
            raise TypeError(f"templates/{folder}/{info.name}.py must export SPEC, a {kind.__name__}")
        if not module.__doc__:
            raise TypeError(f"templates/{folder}/{info.name}.py needs a docstring: it is the help page")
        found[info.name] = dataclasses.replace(spec, key=info.name, page=inspect.cleandoc(module.__doc__))
    return found


@cache
def methods() -> dict[str, Method]:
    """Every method by key, in the order of the keys."""
    return _discover("methods", Method)


@cache
def objectives() -> dict[str, Objective]:
    """Every objective by key, in the order of the keys."""
    return _discover("objectives", Objective)


@cache
def shapes() -> dict[str, RowShape]:
    """Every row shape by key, in the order of the keys."""
    return _discover("shapes", RowShape)


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
