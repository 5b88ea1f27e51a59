"""Finds declarations by folder: a file registers by existing, its name is the key, its docstring the help page."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Spec = TypeVar("Spec", bound="DataclassInstance")


def keys(package: str) -> list[str]:
    """The keys of every file in `package`, sorted, without importing the files."""
    return sorted(info.name for info in pkgutil.iter_modules(importlib.import_module(package).__path__))


def specs(package: str, kind: type[Spec]) -> dict[str, Spec]:
    """The `SPEC` of every file in `package`, sorted by key, with `key` and `page` filled in.

    Raises `TypeError` naming a file that exports no `SPEC` or has no docstring.
    """
    found: dict[str, Spec] = {}
    for name in keys(package):
        module = importlib.import_module(f"{package}.{name}")
        file = f"{package.replace('.', '/')}/{name}.py"
        spec = getattr(module, "SPEC", None)
        if not isinstance(spec, kind):
            raise TypeError(f"{file} must export SPEC, a {kind.__name__}")
        if not module.__doc__:
            raise TypeError(f"{file} needs a docstring: it is the help page")
        found[name] = dataclasses.replace(spec, key=name, page=inspect.cleandoc(module.__doc__))
    return found
