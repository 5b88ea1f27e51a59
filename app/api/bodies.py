"""The base class of every JSON body."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Body(BaseModel):
    """Refuses unknown keys, NaN, and text that neither a database nor a UTF-8 file can hold."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        for text in _texts(given):
            if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
                raise ValueError("text with NUL characters or lone surrogates can't be kept")
        return given


def _texts(value: Any) -> list[str]:
    found, left = [], [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            left += item
    return found
