"""Declares the settings of filters that drop a teacher's answers.

They stand here, and not with the filters, because the objectives whose teacher writes answers have them too. No two
filters have a setting of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from templates.discovery import specs
from templates.spec import Params


@dataclass(frozen=True)
class FilterSettings:
    """The settings of the filter `key`."""

    params: type[Params]
    key: str = ""
    page: str = ""


@cache
def by_filter() -> Mapping[str, FilterSettings]:
    """Every filter that has settings, by key."""
    return specs("templates.filters", FilterSettings)


@cache
def owners() -> Mapping[str, str]:
    """The key of the filter that each setting belongs to."""
    return {name: key for key, one in by_filter().items() for name in one.params.model_fields}
