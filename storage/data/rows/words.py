"""Words that the user names, and where texts hold them: whole, whatever the case and width of their characters.

A word ends where a letter or digit does not go on. Scripts that write no blanks between words do not show
where one ends, so in them it is found wherever it stands.
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
"""Characters of a word."""
_MOST_BYTES = 8 << 20
"""More than the longest list takes, with as many remarks again."""
_PROBLEMS_LISTED = 20
_SHOWN = 5
_UNSPACED = re.compile(f"[{UNSPACED}]")


@dataclass(frozen=True)
class Words:
    """Words and phrases as they were written."""

    written: tuple[str, ...]

    def places(self, text: str) -> Iterator[tuple[int, str]]:
        """Where a normalised text holds one of them, and which, by their places."""
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
        """Finds the longest that a place begins with, though a word may go on behind it."""
        whole = [word for word in self._by_norm if _is_letter(word[0])]
        others = [word for word in self._by_norm if not _is_letter(word[0])]
        parts = [rf"(?<![^\W_{UNSPACED}]){_branching(whole)}"] if whole else []
        return re.compile("|".join([*parts, *([_branching(others)] if others else [])]))

    @cached_property
    def _beginning(self) -> dict[str, list[tuple[int, str]]]:
        """By each of them, those that it begins with, itself included, and how long they are."""
        known = self._by_norm
        return {word: [(n, known[word[:n]]) for n in range(1, len(word) + 1) if word[:n] in known] for word in known}


def _branching(words: Iterable[str]) -> str:
    """The words as one expression that branches where they part: a flat one takes ten times as long to search."""
    rests: dict[str, list[str]] = defaultdict(list)
    for word in words:
        rests[word[:1]].append(word[1:])
    may_end = rests.pop("", None) is not None
    parts = [re.escape(first) + _branching(rest) for first, rest in rests.items()]
    parts += [""] if may_end else []
    return parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"


def _parted(text: str, place: int) -> bool:
    """Whether the place does not stand in the middle of a word."""
    return not 0 < place < len(text) or not (_is_letter(text[place - 1]) and _is_letter(text[place]))


def _is_letter(sign: str) -> bool:
    """Whether a word can go on with it: a letter, a digit or a mark on one, where words are written apart."""
    return (sign.isalnum() or unicodedata.category(sign)[0] == "M") and not _UNSPACED.match(sign)


def of_text(text: str) -> Words:
    """One word or phrase a line; blank lines and those that begin with # are passed over. Raises `BadInput`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return _checked(_named(list(enumerate(lines, 1))), [], None)


def of_list(words: Sequence[str]) -> Words:
    """Each a word or phrase, whatever it begins with. Raises `BadInput`."""
    numbered = list(enumerate(words, 1))
    blank = [number for number, word in numbered if not normalised(word)]
    problems = [Problem("is blank.", row=number, field="words", remedy="Leave it out.") for number in blank]
    return _checked([(number, word) for number, word in numbered if normalised(word)], problems, None)


def of_file(path: Path) -> Words:
    """A file of UTF-8 text, as `of_text` reads it. Raises `BadInput` with everything that is wrong with it."""
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
    """Numbered words, none of them blank; raises `BadInput` for what is wrong with them and for `problems`."""
    field = None if file else "words"
    problems = problems + [
        Problem(f"has {n:,} characters.", file, row, field, f"A word or phrase has {LONGEST} at most.")
        for row, n in ((number, len(normalised(word))) for number, word in words)
        if n > LONGEST
    ]
    n_more = len(problems) - _PROBLEMS_LISTED
    problems = sorted(problems, key=lambda one: one.row or 0)[:_PROBLEMS_LISTED]
    if n_more > 0:
        problems.append(Problem(f"{n_more:,} more lines are like these.", file, field=field))
    if len(words) > MOST_WORDS:
        most = f"At most {MOST_WORDS:,} can be looked for at once."
        problems.append(Problem(f"{len(words):,} words are named.", file, field=field, remedy=most))
    if not words and not problems:
        problems.append(Problem("no word is named.", file, field=field, remedy="Write one word or phrase a line."))
    refuse(problems)
    return Words(tuple(" ".join(word.split()) for _, word in words))


def shown(words: Sequence[str]) -> str:
    """The first few, in quotation marks, and how many more there are."""
    named = ", ".join(f"“{word}”" for word in words[:_SHOWN])
    more = len(words) - _SHOWN
    return f"{named} and {more:,} more" if more > 0 else named
