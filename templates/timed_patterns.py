"""Regular expressions that users type: searched with a time limit, and refused if they can run away.

A pattern such as `(a+)+$` takes time that doubles with every character; a training would stand still on one answer.
"""

from __future__ import annotations

import time
from functools import lru_cache
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
REMEMBERED = 256


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
    try:
        found = _compiled(pattern)
    except regex.error as error:
        return f"is not a regular expression: {error}"
    began = time.monotonic()
    own = dict.fromkeys(character for character in pattern if character.isalnum())
    for character in (*own, *"a0 \n-"):
        for text in (character * TRIED + "!", (character + " ") * (TRIED // 2) + "\x00"):
            try:
                left_s = TRYING_S - (time.monotonic() - began)
                if left_s <= 0:
                    raise TimeoutError
                found.search(text, timeout=left_s, concurrent=True)
            except TimeoutError:
                return "takes too long on some texts: avoid repetitions inside repetitions, such as (a+)+"
    return ""


def search(pattern: str, text: str, field: str) -> bool:
    """Whether the pattern is found in the text. Raises `BadInput` naming the `field` if that takes too long."""
    try:
        return _compiled(pattern).search(text, timeout=LIMIT_S, concurrent=True) is not None
    except TimeoutError as error:
        what = f"“{pattern}” took more than {LIMIT_S:g} s on an answer of {len(text):,} characters."
        remedy = "Avoid repetitions inside repetitions, such as (a+)+."
        raise BadInput(Problem(what, field=field, remedy=remedy), code="pattern_too_slow") from error
