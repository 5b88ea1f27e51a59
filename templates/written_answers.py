"""Settings of the objectives whose teacher writes answers: how it decodes, and which answers are dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator

from templates import filter_settings
from templates.picked_settings import of_picked
from templates.spec import TrainingParams, Written, setting

Filter = Literal[
    "agreement",
    "contains_label",
    "cut_off",
    "exact_duplicates",
    "length",
    "near_duplicates",
    "refusals",
    "same_number",
    "same_text",
]


class WritingParams(TrainingParams):
    """The names of decoding are those of transformers."""

    max_new_tokens: int = setting(256, "Longest answer of the teacher", shown=True, unit="tokens", ge=1, le=32_768)
    """The teacher's answers are cut off here; those are dropped unless you leave out the filter `cut_off`."""
    teacher_temperature: float = setting(0.0, "Temperature of the teacher's answers", ge=0, le=10)
    """0 always picks the likeliest token. Higher values make answers vary more."""
    num_return_sequences: int = setting(1, "Answers per prompt", ge=1, le=64)
    """Several answers to each prompt, of which filters keep some; needs a temperature above 0."""
    top_p: float = setting(1.0, "Top-p of the teacher's answers", gt=0, le=1)
    """Draw only from the likeliest tokens that together have this probability. No effect at temperature 0."""
    teacher_quantization: Literal["none", "int8", "nf4"] = setting("none", "Precision of the teacher")
    """A teacher in 4 or 8 bits needs less memory while it works, and is slightly less exact."""
    filters: list[Filter] = setting(["cut_off", "refusals", "exact_duplicates"], "Filters of the answers")
    """Answers to drop; `studio data filters` explains each. `agreement` needs several answers per prompt."""

    @field_validator("num_return_sequences")
    @classmethod
    def _answers_differ(cls, value: int, info: ValidationInfo) -> int:
        if value > 1 and not info.data.get("teacher_temperature"):
            raise ValueError(
                "at temperature 0, all answers to a prompt are the same: raise teacher_temperature (0.7 is usual), "
                "or ask for one answer"
            )
        return value

    @field_validator("filters")
    @classmethod
    def _several_to_compare(cls, value: list[Filter], info: ValidationInfo) -> list[Filter]:
        if "agreement" in value and info.data.get("num_return_sequences", 2) < 2:
            raise ValueError(
                "agreement compares several answers to one prompt: raise num_return_sequences, or leave it out"
            )
        return list(dict.fromkeys(value))

    @property
    def teacher_precision(self) -> Literal["none", "int8", "nf4"]:
        """As chosen."""
        return self.teacher_quantization


_OF_FILTERS = tuple(one.params for one in filter_settings.by_filter().values())


class WrittenAnswersParams(*_OF_FILTERS, WritingParams):  # type: ignore[misc]
    """The same with the settings of each filter, which mean something only where the filter is picked."""

    @field_validator(*filter_settings.owners())
    @classmethod
    def _of_a_picked_filter(cls, value: Any, info: ValidationInfo) -> Any:
        return of_picked(cls, value, info, owners=filter_settings.owners(), listed="filters", what="filter")

    @classmethod
    def of_writing(cls) -> frozenset[str]:
        """Decoding, the filters, and their settings; a teacher that only reads has a precision, too."""
        return frozenset({*WritingParams.__annotations__, *filter_settings.owners()} - {"teacher_quantization"})

    @property
    def picked(self) -> dict[str, dict[str, Any]]:
        """Settings by the key of each picked filter."""
        owners: Mapping[str, str] = filter_settings.owners()
        return {
            key: {name: getattr(self, name) for name, owner in owners.items() if owner == key} for key in self.filters
        }


def written(params: WrittenAnswersParams) -> Written:
    """What the teacher writes."""
    return Written(
        n_answers=params.num_return_sequences,
        max_new_tokens=params.max_new_tokens,
        filters=params.picked,
        temperature=params.teacher_temperature,
        top_p=params.top_p,
    )
