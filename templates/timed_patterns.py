"""Regular expressions that users type: searched with a time limit, and refused if they can run away.

A pattern such as `(a+)+$` takes time that doubles with every character; a training would stand still on one answer.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import Any

from templates.errors import BadInput, Problem

LIMIT_S = 0.2
"""For one search in one answer; usual patterns take microseconds. The library looks at its clock about once a second,
so a search that runs away ends after about that time."""
TRIED = 400
"""Characters of the texts that a pattern is tried on before it is accepted."""
TRYING_S = 0.3
"""For all of them together."""
LONGEST = 1_000
MOST_REPEATED = 200_000
"""Characters of a pattern whose counted repetitions are written out, as the library does: about two seconds."""
REMEMBERED = 256


class TooSlow(BadInput):
    """A pattern took too long on a text."""

    code = "pattern_too_slow"


_COUNTS = re.compile(r"\{(\d*)(?:,(\d*))?\}", re.ASCII)


@lru_cache(maxsize=REMEMBERED)
def _compiled(pattern: str) -> Any:
    import regex  # needed late: the command line starts faster without it

    return regex.compile(pattern)


@lru_cache(maxsize=REMEMBERED)
def flaw(pattern: str) -> str:
    """Why the pattern can't be used, as a sentence's end; empty if it can."""
    import regex

    if len(pattern) > LONGEST:
        return f"has more than {LONGEST:,} characters"
    if _repeated(pattern) > MOST_REPEATED:
        return f"repeats too often: its length times all counts in braces must be at most {MOST_REPEATED:,}"
    try:
        found = _compiled(pattern)
    except regex.error as error:
        return f"is not a regular expression: {error}"
    except (RecursionError, MemoryError):
        return "is nested too deeply"
    began = time.monotonic()
    for text in _trial_texts(pattern):
        try:
            left_s = TRYING_S - (time.monotonic() - began)
            if left_s <= 0:
                raise TimeoutError
            found.search(text, timeout=left_s, concurrent=True)
        except TimeoutError:
            return "takes too long on some texts: avoid repetitions inside repetitions, such as (a+)+"
    return ""


def _repeated(pattern: str) -> int:
    """At most how many characters the pattern has once its counted repetitions are written out.

    As if each count applied to the whole pattern; blanks and comments may stand within counts (`(?x)`).
    """
    without_blanks = [re.sub(r"\s", "", text) for text in (pattern, re.sub(r"#.*", "", pattern))]
    return max(len(pattern) * prod(_most(*one) for one in _COUNTS.findall(text)) for text in without_blanks)


def _most(least: str, most: str) -> int:
    return max(int(least or 0), int(most or 0), 1)


def _trial_texts(pattern: str) -> Iterator[str]:
    """Long runs of each character that the pattern names, and of some others, with ends that may not fit."""
    tried = dict.fromkeys((*pattern, *"a0 \n-"))
    for one in tried:
        others = "".join(other for other in tried if other != one)
        for end in ("!", "a", others):
            yield one * TRIED + end
        yield (one + " ") * (TRIED // 2) + "\x00"


def search(pattern: str, text: str, field: str) -> bool:
    """Whether the pattern is found in the text. Raises `TooSlow` naming the `field` if it takes too long."""
    try:
        return _compiled(pattern).search(text, timeout=LIMIT_S, concurrent=True) is not None
    except TimeoutError as error:
        what = f"“{pattern}” took more than {LIMIT_S:g} s on an answer of {len(text):,} characters."
        remedy = "Avoid repetitions inside repetitions, such as (a+)+."
        raise TooSlow(Problem(what, field=field, remedy=remedy)) from error
