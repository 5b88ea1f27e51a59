"""Reads a file in a process of its own, once: a hostile one can crash, hang or swell that process only.

What that process writes down serves every later reading: it is a file without a name, or one beside the
file that was read where that is one of several and lies in a folder of theirs.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import IO

from storage import progress
from storage.data.intake import bundles, forked, notes
from storage.data.intake.bundles import Allowance
from storage.data.intake.findings import Findings
from storage.data.intake.source import Source, SourceRow

MAX_S = 300
MAX_MEMORY_BYTES = 4 * 1024**3
MAX_NOTES_BYTES = 4 * 1024**3
MAX_AT_ONCE = 2
"""Files that can swell which one process has read at a time, whoever asks: each may take the memory above."""
SMALL_BYTES = 4_000_000
LINE_BY_LINE = ("delimited", "json_lines", "markdown", "plain_text")
"""Formats of which a small file takes little memory, and need not wait for others."""
KEPT_FILES = 12
WORDS_BYTES = 2_000
"""Of the last that a reader said before it failed, which the log gets."""
_SPLIT = "Split it into smaller files, or save a table as CSV, and send that."
_ENDS = {
    forked.OUT_OF_MEMORY: ("needs more memory than a file may take to be read.", _SPLIT),
    forked.TOO_MUCH_TEXT: ("holds more text than a file may give.", _SPLIT),
    forked.DISK_FULL: ("can't be read now: there is no space left for its text.", "Make room on the studio's disk."),
}
_FEWER = "Send fewer such files at a time, or save tables as CSV."
_SPENT_S = "is where reading ended: the files that came together take longer than {} seconds."
_SPENT_BYTES = "is where reading ended: the files that came together hold more text than they may give."
_BROKEN = ("can't be read: its reader broke down over it.", "Save it again in the program it comes from, or as text.")

_PLACES = threading.BoundedSemaphore(MAX_AT_ONCE)
log = logging.getLogger(__name__)


class _Failed(Exception):
    """The other side came to no end; message and remedy are what the person is told."""

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.message, self.remedy = message, remedy


def rows(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows that the format's reader finds; problems and remarks go into `findings`."""
    try:
        with _written("rows", replace(source, layout=None)) as file:
            yield from notes.rows(file, findings)
    except _Failed as failed:
        findings.problem(failed.message, remedy=failed.remedy)


@contextmanager
def columns(source: Source) -> Iterator[IO[bytes] | None]:
    """The columns of a large, clean table, as `columnar` writes them; None where there are none to be had."""
    try:
        with _written("columns", source) as file:
            yield file if os.fstat(file.fileno()).st_size else None
    except _Failed as failed:
        log.warning("%s by columns: %s", source.path, failed.message)  # to read it by rows may do, or says the same
        yield None


@contextmanager
def _written(wanted: str, source: Source) -> Iterator[IO[bytes]]:
    """What the other side writes, or wrote, about the file as it is now. Raises `_Failed`."""
    if source.allowance is None:
        state = source.path.stat()
        yield _remembered(wanted, source, (state.st_ino, state.st_size, state.st_mtime_ns))
        return
    kept = source.path.with_name(f"{source.path.name}.{wanted}")
    if not kept.exists():
        draft = kept.with_suffix(".draft")
        with draft.open("wb") as file:
            _write(wanted, source, file, source.allowance)
        draft.rename(kept)
    with kept.open("rb") as file:
        yield file


@lru_cache(maxsize=KEPT_FILES)
def _remembered(wanted: str, source: Source, _state: tuple[int, ...]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as it is remembered or read
    _write(wanted, source, file, Allowance(MAX_S, MAX_NOTES_BYTES))
    return file


def _write(wanted: str, source: Source, file: IO[bytes], given: Allowance) -> None:
    """Let the other side write, at the cost of the allowance. Raises `_Failed`."""
    within_s, n_bytes = max(0.0, min(MAX_S, given.left_s)), max(0, min(MAX_NOTES_BYTES, given.left_bytes))
    limits = {"memory_bytes": MAX_MEMORY_BYTES, "cpu_s": 2 * MAX_S, "file_bytes": n_bytes}
    asked = {"wanted": wanted, "source": _named(source), "limits": limits, "told_every_s": progress.EVERY_S}
    with _place(source), tempfile.TemporaryFile() as said:
        began = time.monotonic()
        try:
            code = forked.run(asked, (file, said), within_s, progress.at)
        except TimeoutError as error:
            if within_s < MAX_S:
                raise _Failed(_SPENT_S.format(bundles.MAX_READING_S), _FEWER) from error
            raise _Failed(f"takes longer than {MAX_S} seconds to be read.", _SPLIT) from error
        finally:
            given.left_s -= time.monotonic() - began
            given.left_bytes -= os.fstat(file.fileno()).st_size
        if code:
            last_words = os.pread(said.fileno(), WORDS_BYTES, max(0, said.seek(0, os.SEEK_END) - WORDS_BYTES))
            log.warning("reading %s: exit %d: %s", source.path, code, last_words.decode("utf-8", "replace"))
        else:
            progress.at(1.0)
    if code == forked.TOO_MUCH_TEXT and n_bytes < MAX_NOTES_BYTES:
        given.left_bytes = 0
        raise _Failed(_SPENT_BYTES, _FEWER)
    if code:
        raise _Failed(*_ENDS.get(code, _BROKEN))


def _named(source: Source) -> dict[str, str | None]:
    """What the other side needs to know of it."""
    known = {name: getattr(source, name) for name in ("filename", "format", "encoding", "delimiter")}
    return {"path": str(source.path.absolute()), **known}


@contextmanager
def _place(source: Source) -> Iterator[None]:
    """A place among those that read at a time, for a file that can take much memory."""
    if source.format in LINE_BY_LINE and source.path.stat().st_size <= SMALL_BYTES:
        yield
        return
    if not _PLACES.acquire(blocking=False):
        with progress.step("Waiting until other files have been read"):
            _PLACES.acquire()
    try:
        yield
    finally:
        _PLACES.release()
