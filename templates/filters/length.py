"""How short and how long answers may be."""

from pydantic import ValidationInfo, field_validator

from templates.filter_settings import FilterSettings
from templates.spec import Params, setting


class Bounds(Params):
    """For the filter `length`."""

    min_characters: int = setting(1, "Shortest answer kept", unit="characters", ge=1, le=1_000_000)
    """For the filter `length`: shorter answers are dropped."""
    max_characters: int = setting(2_000, "Longest answer kept", unit="characters", ge=1, le=1_000_000)
    """For the filter `length`: longer answers are dropped."""

    @field_validator("max_characters")
    @classmethod
    def _ordered(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min_characters", 1):
            raise ValueError("must not be smaller than min_characters")
        return value


SPEC = FilterSettings(Bounds)
