"""Settings that mean something only where what they belong to is picked: those of filters, and of checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationInfo


def of_picked(
    params: type[BaseModel], value: Any, info: ValidationInfo, *, owners: Mapping[str, str], listed: str, what: str
) -> Any:
    """The value of a setting, for a validator; `owners` has the key of what each setting belongs to.

    `listed` names the setting that lists what is picked, and `what` one of these in words. Raises `ValueError` if the
    setting was changed though its owner is not picked.
    """
    name, picked = str(info.field_name), info.data.get(listed)
    key = owners[name]
    if picked is not None and key not in picked and value != params.model_fields[name].default:
        raise ValueError(f"is a setting of the {what} “{key}”: add that to {listed}, or leave this out")
    return value
