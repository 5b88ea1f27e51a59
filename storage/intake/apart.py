"""Reads a file in a process of its own, once: a hostile one can crash, hang or swell that process only.

`python -m storage.intake.apart` is the other side. It writes what the format's `extract` gives and notes,
one JSON value a line, into a file from which every later reading is served: one without a name, or beside
the file that was read where that is one of several and lies in a folder of theirs.
"""

from __future__ import annotations

import errno
import importlib
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

import orjson

from storage import progress
from storage.intake import bundles
from storage.intake.bundles import Allowance
from storage.intake.findings import Findings
from storage.intake.shown import is_plain, packed, unpacked
from storage.intake.source import Source, SourceRow, text_flaw
from storage.intake.strict_json import TOO_DEEP
from storage.programs import program
from templates.errors import Problem

MAX_S = 300
MAX_MEMORY_BYTES = 4 * 1024**3
MAX_ROWS_BYTES = 4 * 1024**3
MAX_ROW_BYTES = 64_000_000
MAX_ROW_LISTS = 500_000
"""Of what is written of a row, and lists and objects in it: whoever reads it holds one in memory as a whole."""
MAX_AT_ONCE = 2
"""Documents that one process has read at a time, whoever asks: each may take the memory above."""
KEPT_DOCUMENTS = 8
CHUNK_BYTES = 1024**2
WORDS_BYTES = 2_000
"""Of the last that a reader said before it failed, which the log gets."""
OUT_OF_MEMORY, TOO_MUCH_TEXT, DISK_FULL = 3, 4, 5
"""Exit codes of the other side."""
INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of the environment: what Python needs to start. No secret of the studio is among it."""
PACKAGES = Path(__file__).resolve().parents[2]
_SPLIT = "Split it into smaller files, or save a table as CSV, and send that."
_SPLIT_ROW = "Leave out columns that hold no text to learn from, or split the row."
_PART_IT = "Give the document more headings, or split it."
_TABLES = ("parquet", "workbook", "json_list")
"""Formats whose rows are the file's own, not parts of its text."""
_AS_LONG = ("json_list",)
"""Formats of which about as much is written down as is read."""
POLL_S = 0.2
_ENDS = {
    OUT_OF_MEMORY: ("needs more memory than a file may take to be read.", _SPLIT),
    TOO_MUCH_TEXT: ("holds more text than a file may give.", _SPLIT),
    DISK_FULL: ("can't be read now: there is no space left for its text.", "Make room on the studio's disk."),
}
_FEWER = "Send fewer such files at a time, or save tables as CSV."
_SPENT_S = "is where reading ended: the files that came together take longer than {} seconds."
_SPENT_BYTES = "is where reading ended: the files that came together hold more text than they may give."
_BROKEN = ("can't be read: its reader broke down over it.", "Save it again in the program it comes from, or as text.")

_PLACES = threading.BoundedSemaphore(MAX_AT_ONCE)
log = logging.getLogger(__name__)


class _Failed(Exception):
    """The other side came to no end; `problem` is what the person is told."""

    def __init__(self, message: str, remedy: str):
        super().__init__(message)
        self.message, self.remedy = message, remedy


def rows(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The rows that `extract` of the format's reader finds; problems and remarks go into `findings`."""
    try:
        with _notes(replace(source, layout=None)) as notes:
            for kind, *values in _values(notes):
                if kind == "row":
                    number, columns, odd = values
                    yield SourceRow(number, {**columns, **unpacked(odd)} if odd else columns)
                elif kind == "remark":
                    findings.remark(values[0], row=values[1])
                else:
                    message, row, field, remedy = values
                    findings.problem(message, row=row, field=field, remedy=remedy)
    except _Failed as failed:
        findings.problem(failed.message, remedy=failed.remedy)


@contextmanager
def _notes(source: Source) -> Iterator[IO[bytes]]:
    """What the other side writes, or wrote, about the file as it is now. Raises `_Failed`."""
    if source.allowance is None:
        state = source.path.stat()
        yield _remembered(source, (state.st_ino, state.st_size, state.st_mtime_ns))
        return
    kept = source.path.with_name(f"{source.path.name}.notes")
    if not kept.exists():
        draft = kept.with_suffix(".draft")
        with draft.open("wb") as notes:
            _write(source, notes, source.allowance)
        draft.rename(kept)
    with kept.open("rb") as notes:
        yield notes


@lru_cache(maxsize=KEPT_DOCUMENTS)
def _remembered(source: Source, _state: tuple[int, ...]) -> IO[bytes]:
    notes = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as it is remembered or read
    _write(source, notes, Allowance(MAX_S, MAX_ROWS_BYTES))
    return notes


def _write(source: Source, notes: IO[bytes], given: Allowance) -> None:
    """Let the other side write, at the cost of the allowance. Raises `_Failed`."""
    within_s, n_bytes = max(0.0, min(MAX_S, given.left_s)), max(0, min(MAX_ROWS_BYTES, given.left_bytes))
    limits = [MAX_MEMORY_BYTES, 2 * MAX_S, n_bytes]
    asked = json.dumps([limits, str(source.path), source.filename, source.format, source.encoding])
    with _PLACES, tempfile.TemporaryFile() as said:
        began = time.monotonic()
        try:
            with _told_meanwhile(source, notes):
                code = _run(program(__name__, asked), within_s, notes, said)
        except subprocess.TimeoutExpired as error:
            if within_s < MAX_S:
                raise _Failed(_SPENT_S.format(bundles.MAX_READING_S), _FEWER) from error
            raise _Failed(f"takes longer than {MAX_S} seconds to be read.", _SPLIT) from error
        finally:
            given.left_s -= time.monotonic() - began
            given.left_bytes -= os.fstat(notes.fileno()).st_size
        if code:
            last_words = os.pread(said.fileno(), WORDS_BYTES, max(0, said.seek(0, os.SEEK_END) - WORDS_BYTES))
            log.warning("reading %s: exit %d: %s", source.path, code, last_words.decode("utf-8", "replace"))
    if code == TOO_MUCH_TEXT and n_bytes < MAX_ROWS_BYTES:
        given.left_bytes = 0
        raise _Failed(_SPENT_BYTES, _FEWER)
    if code:
        raise _Failed(*_ENDS.get(code, _BROKEN))


def _run(command: tuple[str, ...], within_s: float, notes: IO[bytes], said: IO[bytes]) -> int:
    """The exit code of the other side. What else it says goes into a file, too, where it takes no memory here."""
    environment = {name: value for name, value in os.environ.items() if name in INHERITED}
    environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=notes,
        stderr=said,
        env=environment,
        timeout=within_s,
        check=False,
    ).returncode


@contextmanager
def _told_meanwhile(source: Source, notes: IO[bytes]) -> Iterator[None]:
    """Say how far the other side is, where its notes show that."""
    if source.format not in _AS_LONG:
        yield
        return
    size_bytes, ended = source.path.stat().st_size, threading.Event()

    def tell() -> None:
        while not ended.wait(POLL_S):
            progress.at(os.fstat(notes.fileno()).st_size / size_bytes)

    teller = threading.Thread(target=copy_context().run, args=(tell,))  # who waits is known by the context
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def _values(notes: IO[bytes]) -> Iterator[list[Any]]:
    """The values in the file, whoever else is reading it."""
    place, begun = 0, [b""]
    while chunk := os.pread(notes.fileno(), CHUNK_BYTES, place):
        place += len(chunk)
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for line in others:
            yield orjson.loads(b"".join(begun))
            begun = [line]


class _Told(Findings):
    """Findings that are written to the other side as they are made."""

    def __init__(self, file: str, sink: IO[bytes]):
        super().__init__(file)
        self._sink = sink

    def add(self, problem: Problem) -> None:
        super().add(problem)
        self.tell("problem", problem.message, problem.row, problem.field, problem.remedy)

    def remark(self, message: str, *, row: int | None = None) -> None:
        super().remark(message, row=row)
        self.tell("remark", message, row)

    def row(self, row: SourceRow) -> None:
        """Write a row, or what is wrong with one that can't be carried over."""
        try:
            odd = {name: packed(value) for name, value in row.values.items() if not is_plain(value)}
            line = orjson.dumps(("row", row.number, {**row.values, **dict.fromkeys(odd)} if odd else row.values, odd))
        except (RecursionError, orjson.JSONEncodeError) as error:
            if "recursion" not in str(error).lower():
                raise
            message, remedy = TOO_DEEP
            self.problem(message, row=row.number, remedy=remedy)
            return
        if len(line) > MAX_ROW_BYTES:
            message = f"holds more than the {MAX_ROW_BYTES / 1e6:.0f} MB that a row may have."
            self.problem(message, row=row.number, remedy=_SPLIT_ROW)
        elif line.count(b"[") + line.count(b"{") > MAX_ROW_LISTS:
            message = f"holds more than the {MAX_ROW_LISTS:,} lists and objects that a row may have."
            self.problem(message, row=row.number, remedy=_SPLIT_ROW)
        else:
            self._sink.write(line + b"\n")

    def tell(self, *values: Any) -> None:
        """Write one line."""
        self._sink.write(orjson.dumps(values) + b"\n")


def _limit(memory_bytes: int, cpu_s: int, file_bytes: int) -> None:
    limits = (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),  # for one whose parent was killed
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    )
    for which, wanted in limits:
        _, most = resource.getrlimit(which)
        try:
            resource.setrlimit(which, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))
        except (OSError, ValueError):
            continue  # macOS knows no limit of the address space; the other limits hold there too


def _fits(row: SourceRow, told: _Told, remedy: str | None) -> bool:
    """Whether no text is beyond all measure; one that is would have to be carried over as one line."""
    flaws = [(name, text_flaw(value)) for name, value in row.values.items() if isinstance(value, str)]
    for name, flaw in flaws:
        if flaw:
            told.problem(flaw[0], row=row.number, field=name, remedy=remedy or flaw[1])
    return not any(flaw for _, flaw in flaws)


def write_notes(sink: IO[bytes], path: str, filename: str, format: str, encoding: str | None) -> int:
    """The other side's work: read the document and write what is found; gives the exit code."""
    reader = importlib.import_module(f"storage.intake.readers.{format}")
    told = _Told(filename, sink)
    remedy = None if format in _TABLES else _PART_IT
    try:
        for row in reader.extract(Source(Path(path), filename, format, encoding), told):
            if _fits(row, told, remedy):
                told.row(row)
        sink.flush()
    except MemoryError:
        return OUT_OF_MEMORY
    except OSError as error:
        codes = {errno.EFBIG: TOO_MUCH_TEXT, errno.ENOSPC: DISK_FULL}
        if error.errno not in codes:
            raise
        return codes[error.errno]
    return 0


if __name__ == "__main__":
    given_limits, *file = json.loads(sys.argv[1])
    _limit(*given_limits)
    code = write_notes(sys.stdout.buffer, *file)
    os._exit(code)  # what is left in a buffer after a failure is of no use
