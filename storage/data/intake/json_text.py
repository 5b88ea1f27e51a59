"""JSON that is read value by value, of which only a part is in memory."""

from __future__ import annotations

import re
from typing import IO, Any

from storage.data.intake import strict_json

CHUNK_CHARS = 1_000_000
_BLANKS = re.compile(r"[ \t\r\n]*")
_CUT_CHARS = 16
"""More than a word, an escape or a sign has: what is so near to the end of what was read may be its end only."""


class JsonText:
    """A text, and the place up to which it was read."""

    def __init__(self, stream: IO[str]):
        self._stream = stream
        self._text = ""
        self._at = 0
        self._begin = (1, 1)
        """Line and character of the file at which the part in memory begins."""

    @property
    def line(self) -> int:
        """Of the place."""
        return self._begin[0] + self._text.count("\n", 0, self._at)

    def next(self) -> str:
        """The next character that is no blank, which becomes the place; empty at the end."""
        while True:
            self._at = _BLANKS.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text) or not self._read_on():
                return self._text[self._at : self._at + 1]

    def skip(self) -> None:
        """Pass over the character at the place."""
        self._at += 1

    def value(self) -> Any:
        """The value that begins at the place, which goes behind it. Raises `Flaw`."""
        while True:
            try:
                value, end = strict_json.decode_at(self._text, self._at, self._begin)
            except strict_json.Flaw as flaw:
                if self._is_cut(flaw) and self._read_on():
                    continue
                raise
            if len(self._text) - end > _CUT_CHARS or not self._read_on():  # a number may go on
                self._at = end
                return value

    def _is_cut(self, flaw: strict_json.Flaw) -> bool:
        """Whether there might be none with more of the text."""
        return flaw.breaks_off or (flaw.at is not None and flaw.at > len(self._text.rstrip()) - _CUT_CHARS)

    def _read_on(self) -> bool:
        """Hold more of the text, and no more of what is behind the place. Whether there was more."""
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
