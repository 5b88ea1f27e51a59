"""The names of deleted things, which make room for new ones with the same name."""

from __future__ import annotations

_MARK = " (deleted "
"""Users can't choose a name like this."""


def deleted(name: str, identifier: str) -> str:
    """The name of a thing once it is deleted."""
    return f"{name}{_MARK}{identifier})"


def original(name: str) -> str:
    """The name before the thing was deleted, if it was."""
    return name.partition(_MARK)[0]
