"""Finds the user's words in texts: whole words, whatever their case and character width.

A word ends where no letter or digit follows. Scripts without spaces between words don't show where a word
ends, so there it is found anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from storage.data.rows.comparable import normalised
from storage.data.rows.scripts import UNSPACED
from templates.errors import BadInput, Problem, refuse

MOST_WORDS = 10_000
LONGEST = 100
"""Maximum characters of a word."""
_MOST_BYTES = 8 << 20
"""Enough for the longest list and as many comment lines."""
_PROBLEMS_LISTED = 20
_SHOWN = 5
_UNSPACED = re.compile(f"[{UNSPACED}]")


@dataclass(frozen=True)
class Words:
    """Words and phrases as the user wrote them."""

    written: tuple[str, ...]

    def places(self, text: str) -> Iterator[tuple[int, str]]:
        """The places in a normalised text where one of them occurs, and which one."""
        at = 0
        while match := self._longest.search(text, at):
            start = match.start()
            for n, written in self._beginning[match.group()]:
                if _parted(text, start) and _parted(text, start + n):
                    yield start, written
            at = start + 1

    @cached_property
    def _by_norm(self) -> dict[str, str]:
        return {normalised(word): word for word in reversed(self.written)}

    @cached_property
    def _longest(self) -> re.Pattern[str]:
        """Matches the longest word that starts at a place, even if a longer word continues after it."""
        whole = [word for word in self._by_norm if _is_letter(word[0])]
        others = [word for word in self._by_norm if not _is_letter(word[0])]
        parts = [rf"(?<![^\W_{UNSPACED}]){_branching(whole)}"] if whole else []
        return re.compile("|".join([*parts, *([_branching(others)] if others else [])]))

    @cached_property
    def _beginning(self) -> dict[str, list[tuple[int, str]]]:
        """Each word → the words that it starts with, itself included, and their lengths."""
        known = self._by_norm
        return {word: [(n, known[word[:n]]) for n in range(1, len(word) + 1) if word[:n] in known] for word in known}


def _branching(words: Iterable[str]) -> str:
    """The words as one expression that branches where they diverge: a flat one searches ten times as slowly."""
    rests: dict[str, list[str]] = defaultdict(list)
    for word in words:
        rests[word[:1]].append(word[1:])
    may_end = rests.pop("", None) is not None
    parts = [re.escape(first) + _branching(rest) for first, rest in rests.items()]
    parts += [""] if may_end else []
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _parted(text: str, place: int) -> bool:
    """Whether the place is not inside a word."""
    return not 0 < place < len(text) or not (_is_letter(text[place - 1]) and _is_letter(text[place]))


def _is_letter(sign: str) -> bool:
    """Whether a word can continue with it: a letter, a digit or a combining mark, in scripts with spaces."""
    return (sign.isalnum() or unicodedata.category(sign)[0] == "M") and not _UNSPACED.match(sign)


def of_text(text: str) -> Words:
    """One word or phrase per line; skips blank lines and lines that start with #. Raises `BadInput`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _checked(_named(list(enumerate(lines, 1))), [], None)


def of_list(words: Sequence[str]) -> Words:
    """Each item is a word or phrase, whatever it starts with. Raises `BadInput`."""
    numbered = list(enumerate(words, 1))
    blank = [number for number, word in numbered if not normalised(word)]
    problems = [Problem("is blank.", row=number, field="words", remedy="Leave it out.") for number in blank]
    return _checked([(number, word) for number, word in numbered if normalised(word)], problems, None)


def of_file(path: Path) -> Words:
    """A file of UTF-8 text, read like `of_text`. Raises `BadInput` with every problem."""
    name = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(Problem(f"can't be read: {error.strerror}.", file=name)) from error
    if len(content) > _MOST_BYTES:
        raise BadInput(Problem(f"is larger than {_MOST_BYTES >> 20} MB.", file=name, remedy="Name fewer words."))
    lines, problems = [], []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").splitlines(), 1):
        try:
            lines.append((number, line.decode()))
        except UnicodeDecodeError:
            remedy = "Save the file as UTF-8."
            problems.append(Problem("is not UTF-8 text.", file=name, row=number, remedy=remedy))
    return _checked(_named(lines), problems, name)


def _named(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(number, line) for number, line in lines if normalised(line) and not line.lstrip().startswith("#")]


def _checked(words: list[tuple[int, str]], problems: list[Problem], file: str | None) -> Words:
    """Numbered words, none of them blank; raises `BadInput` for their problems and for `problems`."""
    field = None if file else "words"
    problems = problems + [
        Problem(f"has {n:,} characters.", file, row, field, f"Use at most {LONGEST} in a word or phrase.")
        for row, n in ((number, len(normalised(word))) for number, word in words)
        if n > LONGEST
    ]
    n_more = len(problems) - _PROBLEMS_LISTED
    problems = sorted(problems, key=lambda one: one.row or 0)[:_PROBLEMS_LISTED]
    if n_more > 0:
        problems.append(Problem(f"{n_more:,} more lines have the same problem.", file, field=field))
    if len(words) > MOST_WORDS:
        most = f"Use at most {MOST_WORDS:,} at once."
        problems.append(Problem(f"you gave {len(words):,} words.", file, field=field, remedy=most))
    if not words and not problems:
        problems.append(Problem("no words given.", file, field=field, remedy="Write one word or phrase per line."))
    refuse(problems)
    return Words(tuple(" ".join(word.split()) for _, word in words))


def shown(words: Sequence[str]) -> str:
    """The first few, in quotation marks, and the number of the others."""
    named = ", ".join(f"“{word}”" for word in words[:_SHOWN])
    more = len(words) - _SHOWN
    return f"{named} and {more:,} more" if more > 0 else named
