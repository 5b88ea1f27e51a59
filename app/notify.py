"""Turns errors into messages for pages, REST and the command line.

A `StudioError` is shown as it is. Anything else is a bug, or a part is down: the user gets one
sentence and the path of the log, and the log gets the traceback.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from templates.errors import BadInput, Busy, Problem, StudioError, Unavailable

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

LOG_BYTES = 5 * 1024 * 1024

log = logging.getLogger("studio.errors")


def log_file() -> Path:
    """The log of unexpected errors."""
    from storage.settings import settings

    folder = settings().root / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "errors.log"


def told(error: BaseException) -> StudioError:
    """Any exception as a readable one; logs an unexpected one first."""
    if isinstance(error, StudioError):
        return error
    from storage import disk

    if disk.is_full(error):
        log.warning("a disk is full: %s", type(error).__name__)
        return disk.full()
    if _is_database(error):
        log.warning("the database doesn't answer: %s", type(error).__name__)
        return Unavailable(
            "The database does not answer.", code="database", remedy="Try again in a moment; `studio doctor` says more."
        )
    place = _written_down(error)
    return StudioError(
        "Something went wrong inside the studio.",
        code="internal",
        remedy=f"Nothing of yours was lost. The details are in {place}." if place else "Try again in a moment.",
    )


def _is_database(error: BaseException) -> bool:
    from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

    return isinstance(error, (OperationalError, InterfaceError, TimeoutError))


class _ErrorLog(RotatingFileHandler):
    """Raises what goes wrong while it writes, so that nobody is sent to a log without the error."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        _, error, _ = sys.exc_info()
        assert error is not None
        raise error


def _written_down(error: BaseException) -> Path | None:
    """Log the error; returns the log's path, or None if it can't be written, which must not take the answer with it."""
    record = log.makeRecord(
        log.name, logging.ERROR, "", 0, "unexpected error", (), (type(error), error, error.__traceback__)
    )
    try:
        place = log_file()
        handler = _ErrorLog(place, maxBytes=LOG_BYTES, backupCount=1)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        with contextlib.closing(handler):
            handler.emit(record)
    except (OSError, ValueError) as unwritable:  # ValueError: the settings themselves can't be read
        log.error("the error log can't be written (%s); the error was:", unwritable, exc_info=error)
        return None
    return place


def of_validation(findings: Sequence[Any]) -> BadInput:
    """FastAPI's validation errors as problems that name their field."""
    problems = []
    for finding in findings:
        place = [str(part) for part in finding["loc"] if part not in ("body", "query", "path", "header")]
        given = finding.get("input")
        got = f" (got {given!r:.100})" if isinstance(given, (str, int, float, bool)) else ""
        problems.append(Problem(f"{finding['msg']}{got}.", field=".".join(place) or None))
    return BadInput(*problems)


def install(app: FastAPI) -> None:
    """Give every error of the web app the same JSON form."""
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from starlette.exceptions import HTTPException

    def answer(error: StudioError) -> Response:
        headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, Busy) else None
        return JSONResponse(error.as_dict(), status_code=error.http_status, headers=headers)

    async def studio_error(_request: Request, error: Exception) -> Response:
        return answer(told(error))

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(of_validation(error.errors()))

    async def http_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        plain = StudioError(str(error.detail), code="http")
        return JSONResponse(plain.as_dict(), status_code=error.status_code, headers=error.headers)

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(StudioError, studio_error)
    app.add_exception_handler(Exception, studio_error)
