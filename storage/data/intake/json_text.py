"""Reads JSON value by value, with only a part of it in memory."""

from __future__ import annotations

import re
from typing import IO, Any

from storage.data.intake import strict_json

CHUNK_CHARS = 1_000_000
_BLANKS = re.compile(r"[ \t\r\n]*")
_CUT_CHARS = 16
"""More characters than a word, an escape or a sign: so close to the end of the text read, a value may be cut."""


class JsonText:
    """A text and the current position in it."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self._text = ""
        self._at = 0
        self._begin = (1, 1)
        """Line and character in the file where the part in memory starts."""

    @property
    def line(self) -> int:
        """The line of the position."""
        return self._begin[0] + self._text.count("\n", 0, self._at)

    def next(self) -> str:
        """The next non-blank character, where the position moves to; empty at the end."""
        while True:
            self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def skip(self) -> None:
        """Skip the character at the position."""
        self._at += 1

    def value(self, *, takes_halves: bool = False) -> Any:
        """The value at the position, which moves past it. Raises `Flaw`; for half a character, after moving."""
        while True:
            try:
                value, end = strict_json.decode_at(self._text, self._at, self._begin, takes_halves=True)
            except strict_json.Flaw as flaw:
                if self._is_cut(flaw) and self._read_on():
                    continue
                raise
            if len(self._text) - end > _CUT_CHARS or not self._read_on():  # a number may continue
                start, self._at = self._at, end
                if not takes_halves:
                    strict_json.refuse_halves(value, self._text, start, end)
                return value

    def _is_cut(self, flaw: strict_json.Flaw) -> bool:
        """Whether the flaw might disappear with more of the text."""
        return flaw.breaks_off or (flaw.at is not None and flaw.at > len(self._text.rstrip()) - _CUT_CHARS)

    def _read_on(self) -> bool:
        """Load more of the text and drop the part before the position; returns whether there was more."""
        chunk = self._stream.read(max(CHUNK_CHARS, len(self._text) - self._at))
        if not chunk:
            return False
        line, character = self._begin
        n_lines = self._text.count("\n", 0, self._at)
        on_line = self._at - (self._text.rfind("\n", 0, self._at) + 1)
        self._begin = (line + n_lines, on_line + (1 if n_lines else character))
        self._text = self._text[self._at :] + chunk
        self._at = 0
        return True
