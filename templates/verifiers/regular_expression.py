r"""Passes if the regular expression is found somewhere in the answer.

The syntax is Python's. `^` and `$` stand for the beginning and the end of the answer, so `^(yes|no)$` allows these two
answers and nothing else. Case counts; `(?i)` at the beginning ignores it. Blanks before and after the answer are
removed first. Expressions that can take very long are refused, and each search is limited to 0.2 seconds; an answer
on which it takes longer doesn't pass, and is counted.
"""

from pydantic import field_validator

from templates import timed_patterns
from templates.spec import Params, setting
from templates.verifier import Verifier


class Pattern(Params):
    """For the check `regular_expression`."""

    pattern: str = setting(r"\S", "Regular expression", shown=True, min_length=1)
    """An answer passes if this is found in it. `^(yes|no)$`: exactly one of these."""

    @field_validator("pattern")
    @classmethod
    def _pattern_is_usable(cls, value: str) -> str:
        if flaw := timed_patterns.flaw(value):
            raise ValueError(flaw)
        return value


def _passes(answer: str, _reference: str, settings: Pattern) -> bool:
    return timed_patterns.search(settings.pattern, answer.strip(), "pattern")


SPEC = Verifier("A regular expression", _passes, Pattern)
