"""Passes if the answer has between `min_words` and `max_words` words, both included.

Words are what blanks and line breaks separate, so a text in a script without spaces counts as few words.
"""

from pydantic import ValidationInfo, field_validator

from templates.spec import Params, setting
from templates.verifier import Verifier


class Words(Params):
    """For the check `length`."""

    min_words: int = setting(1, "Fewest words", shown=True, unit="words", ge=0, le=100_000)
    """Shorter answers fail."""
    max_words: int = setting(50, "Most words", shown=True, unit="words", ge=1, le=100_000, validate_default=True)
    """Longer answers fail."""

    @field_validator("max_words")
    @classmethod
    def _words_in_order(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("min_words", 0):
            raise ValueError("must not be smaller than min_words")
        return value


def _passes(answer: str, _reference: str, settings: Words) -> bool:
    return settings.min_words <= len(answer.split()) <= settings.max_words


SPEC = Verifier("Length in words", _passes, Words)
