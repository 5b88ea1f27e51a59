"""Declares checks that reward answers.

A file in `templates/verifiers/` exports one `SPEC`; its name is the check's key, its docstring says exactly what
passes. Checks are declared here and need no model; text that users type is compared, never run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from templates.discovery import specs
from templates.spec import Params


class NoSettings(Params):
    """A check without settings."""


def _any_reference(_reference: str) -> bool:
    return True


@dataclass(frozen=True)
class Verifier:
    """One check of an answer."""

    title: str
    passes: Callable[[str, str, Any], bool]
    """`(answer, the row's own answer, settings)`; the second is "" where rows have none. Raises
    `timed_patterns.TooSlow` if it takes too long on this answer, which then doesn't pass."""
    params: type[Params] = NoSettings
    """Settings whose names no other check has; so for its validators, because objectives inherit all of them."""
    needs_reference: bool = False
    """It compares with the row's own answer."""
    can_pass: Callable[[str], bool] = _any_reference
    """Whether any answer could pass with this answer of the row."""
    key: str = ""
    page: str = ""


@cache
def verifiers() -> Mapping[str, Verifier]:
    """Every check by key."""
    return specs("templates.verifiers", Verifier)


@cache
def owners() -> Mapping[str, str]:
    """The key of the check that each setting belongs to, its weight included."""
    found = {name: key for key, one in verifiers().items() for name in one.params.model_fields}
    return {**found, **{weight_of(key): key for key in verifiers()}}


def weight_of(key: str) -> str:
    """The name of the setting that says how much a check counts."""
    return f"{key}_weight"
