"""The errors a person may see, in words they can act on.

    StudioError                  exit 1 · HTTP 500
    ├── BadInput                 exit 2 · HTTP 422   the input can't be used; carries every problem at once
    ├── NotFound                 exit 2 · HTTP 404   no such thing, or it is not yours
    ├── Conflict                 exit 1 · HTTP 409   it can't be done in the current state
    ├── NotAllowed               exit 2 · HTTP 403   only an administrator may do it
    ├── Busy                     exit 1 · HTTP 429   you already have as much running as one person may
    └── Unavailable              exit 1 · HTTP 503   a part of the studio does not respond; trying again may help

A `StudioError` is raised where the value is used and caught at the doors only: `app/notify.py`
(pages, REST, command line) and `workers/tasks.py`. Anything else that escapes is a bug.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One problem: where it is and what to do about it.

    `row` counts data rows from 1, in the file's own terms: for line-based formats it is the line
    number. `field` is a column, a form field or a setting.
    """

    message: str
    file: str | None = None
    row: int | None = None
    field: str | None = None
    remedy: str | None = None

    def __str__(self) -> str:
        place = [f"“{self.file}”"] if self.file else []
        place += [f"row {self.row}"] if self.row is not None else []
        place += [f"field “{self.field}”"] if self.field else []
        where = ", ".join(place)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text} {self.remedy}" if self.remedy else text


class StudioError(Exception):
    """Base class of every error that a person is meant to read."""

    exit_code = 1
    http_status = 500
    code = "error"

    def __init__(self, *problems: str | Problem, code: str | None = None, remedy: str | None = None):
        if not problems:
            raise TypeError("a StudioError needs at least one problem")
        self.problems: list[Problem] = [p if isinstance(p, Problem) else Problem(p, remedy=remedy) for p in problems]
        if code:
            self.code = code
        super().__init__("\n".join(str(p) for p in self.problems))

    def as_dict(self) -> dict[str, Any]:
        """The error as REST and `--json` return it."""
        return {"error": {"code": self.code, "message": str(self), "problems": [asdict(p) for p in self.problems]}}


class BadInput(StudioError):
    """The input can't be used; nothing was created."""

    exit_code = 2
    http_status = 422
    code = "bad_input"


class NotFound(StudioError):
    """No such thing, or it belongs to somebody else (the error doesn't say which)."""

    exit_code = 2
    http_status = 404
    code = "not_found"


class Conflict(StudioError):
    """It exists, but its current state does not allow this."""

    http_status = 409
    code = "conflict"


class NotAllowed(StudioError):
    """Only an administrator may do this."""

    exit_code = 2
    http_status = 403
    code = "not_allowed"


class Busy(StudioError):
    """The same person already has as much running and waiting as one person may; trying again later helps."""

    http_status = 429
    code = "busy"
    retry_after_s = 5


class Unavailable(StudioError):
    """A part of the studio does not respond at the moment."""

    http_status = 503
    code = "unavailable"


def refuse(problems: Sequence[Problem]) -> None:
    """Raise `BadInput` with all of `problems`; do nothing when there are none."""
    if problems:
        raise BadInput(*problems)
