"""Reads each file once, in its own process: a hostile file can crash, hang or bloat only that process.

Later readings use the process's output, which goes into an unnamed file or, for one of several files, into a
file beside it in their folder.
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
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from storage import disk, progress
from storage.data.intake import bundles, notes, reader_process
from storage.data.intake.bundles import Allowance
from storage.data.intake.findings import Findings, refusal
from storage.data.intake.reader_process import Reading
from storage.data.intake.source import Source, SourceRow
from templates.errors import BadInput

if TYPE_CHECKING:
    from storage.data.intake.fast import Columns

MAX_S = 300
MAX_MEMORY_BYTES = 4 * 1024**3
MAX_NOTES_BYTES = 4 * 1024**3
MAX_AT_ONCE = 2
"""Large files read at the same time, for all users: each may take the memory above."""
SMALL_BYTES = 4_000_000
LINE_BY_LINE = ("delimited", "json_lines", "markdown", "plain_text")
"""Formats in which a small file takes little memory, so it doesn't wait for other files."""
KEPT_FILES = 12
WORDS_BYTES = 2_000
"""Bytes of a failed reader's last output that go into the log."""
_SPLIT = "Split it into smaller files, or save a table as CSV, and send that."
_ENDS = {
    reader_process.OUT_OF_MEMORY: ("needs more memory to read than the limit allows.", _SPLIT),
    reader_process.TOO_MUCH_TEXT: ("contains more text than the limit allows.", _SPLIT),
}
_FEWER = "Send fewer such files at a time, or save tables as CSV."
_SPENT_S = "is where reading stopped: together, these files take longer than {} seconds."
_SPENT_BYTES = "is where reading stopped: together, these files contain more text than the limit allows."
_BROKEN = ("can't be read: its reader crashed.", "Save it again in the program that made it, or as text.")

_PLACES = threading.BoundedSemaphore(MAX_AT_ONCE)
log = logging.getLogger(__name__)


class _Written(NamedTuple):
    """A process's output: the columns of a large, clean table, or else rows."""

    file: IO[bytes]
    table: Columns | None


def rows(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows found by the format's reader; problems and remarks go into `findings`."""
    try:
        with _written(source) as (file, table):
            yield from table.rows() if table else notes.rows(file, findings)
    except BadInput as error:
        for problem in error.problems:
            findings.add(problem)


def columns(source: Source) -> Columns | None:
    """The columns of a large, clean table. Raises `BadInput` for a file that can't be read at all."""
    if source.bundle or source.layout:
        return None
    with _written(source) as (_, table):
        return table


@contextmanager
def _written(source: Source) -> Iterator[_Written]:
    """A process's output for the file in its current state; starts the process if needed. Raises `BadInput`."""
    source = replace(source, layout=None)
    if source.allowance is None:
        state = source.path.stat()
        yield _remembered(source, (state.st_ino, state.st_size, state.st_mtime_ns))
        return
    kept = source.path.with_name(f"{source.path.name}.written")
    if not kept.exists():
        draft = kept.with_suffix(".draft")
        with draft.open("wb") as file:
            _write(source, file, source.allowance)
        draft.rename(kept)
    with kept.open("rb") as file:
        yield _found(source, file)


@lru_cache(maxsize=KEPT_FILES)
def _remembered(source: Source, _state: tuple[int, ...]) -> _Written:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - stays open as long as it is cached or read
    _write(source, file, Allowance(MAX_S, MAX_NOTES_BYTES))
    return _found(source, file)


def _found(source: Source, file: IO[bytes]) -> _Written:
    import pyarrow as pa  # needed late: the web process starts faster and smaller without it

    from storage.data.intake import fast

    try:
        return _Written(file, fast.Columns(file) if fast.is_table(file) else None)
    except pa.ArrowException as error:
        log.warning("the columns of %s: %s", source.path, error)
        raise _refusal(source, _BROKEN) from error


def _write(source: Source, file: IO[bytes], given: Allowance) -> None:
    """Have a process read the file, which uses up the allowance. Raises `BadInput`, and `DiskFull`."""
    within_s, n_bytes = max(0.0, min(MAX_S, given.left_s)), max(0, min(MAX_NOTES_BYTES, given.left_bytes))
    reading = Reading(
        replace(source, path=source.path.absolute(), bundle=None, allowance=None),
        memory_bytes=MAX_MEMORY_BYTES,
        cpu_s=2 * MAX_S,
        file_bytes=n_bytes,
        told_every_s=progress.EVERY_S,
    )
    with _place(source), tempfile.TemporaryFile() as said:
        began = time.monotonic()
        try:
            code = reader_process.run(reading, file, said, within_s)
        except TimeoutError as error:
            spent = (_SPENT_S.format(bundles.MAX_READING_S), _FEWER)
            too_slow = (f"takes longer than {MAX_S} seconds to read.", _SPLIT)
            raise _refusal(source, spent if within_s < MAX_S else too_slow) from error
        finally:
            given.left_s -= time.monotonic() - began
            given.left_bytes -= os.fstat(file.fileno()).st_size
        if code:
            last_words = os.pread(said.fileno(), WORDS_BYTES, max(0, said.seek(0, os.SEEK_END) - WORDS_BYTES))
            log.warning("reading %s: exit %d: %s", source.path, code, last_words.decode("utf-8", "replace"))
        else:
            progress.at(1.0)
    if code == reader_process.DISK_FULL:
        needed = os.fstat(file.fileno()).st_size + source.path.stat().st_size
        raise disk.full(needed, Path(tempfile.gettempdir()), source.path.parent, file=source.filename, at_least=True)
    if code == reader_process.TOO_MUCH_TEXT and n_bytes < MAX_NOTES_BYTES:
        given.left_bytes = 0
        raise _refusal(source, (_SPENT_BYTES, _FEWER))
    if code:
        raise _refusal(source, _ENDS.get(code, _BROKEN))


def _refusal(source: Source, why: tuple[str, str]) -> BadInput:
    return refusal(source.filename, why[0], remedy=why[1])


@contextmanager
def _place(source: Source) -> Iterator[None]:
    """Wait for a free slot if the file can take a lot of memory."""
    if source.format in LINE_BY_LINE and source.path.stat().st_size <= SMALL_BYTES:
        yield
        return
    if not _PLACES.acquire(blocking=False):
        with progress.step("Waiting for other files to be read"):
            while not _PLACES.acquire(timeout=progress.EVERY_S):
                progress.at(0.0)
    try:
        yield
    finally:
        _PLACES.release()
