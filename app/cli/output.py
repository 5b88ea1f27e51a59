"""Output of commands: a document or a few lines on stdout; progress and errors on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer

from storage.page_limits import MOST
from templates.errors import BadInput, Problem, StudioError

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout; logs on stderr.")]

TOLD_EVERY_S = 2.0


Limit = Annotated[int, typer.Option(min=1, max=MOST, help="The most entries to list.")]
After = Annotated[str | None, typer.Option(metavar="ID", help="Go on after the entry with this id.")]


def tell_of_more(after: str | None) -> None:
    """Say that a list goes on, and how to see the rest."""
    if after is not None:
        note(f"There are more. To see them, repeat the command with --after {after}")


def emit(document: Any, lines: Iterable[str], as_json: bool) -> None:
    """Print a command's result."""
    if as_json:
        print(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))
    else:
        for line in lines:
            print(line)


def failed(error: StudioError, as_json: bool) -> int:
    """Print an error; returns the exit code."""
    if as_json:
        print(json.dumps(error.as_dict(), ensure_ascii=False, indent=2))
    else:
        for problem in error.problems:
            print(f"studio: {problem}", file=sys.stderr)
    sys.stdout.flush()
    return error.exit_code


def note(line: str) -> None:
    """Progress: one line on stderr."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[None]:
    """Report the progress of this block every few seconds, if it takes longer than that."""
    from storage import progress as work

    told_at = time.monotonic()

    def listen(step: str, share: float | None) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= TOLD_EVERY_S:
            told_at = time.monotonic()
            note(f"{step} …" if share is None else f"{step}: {share:.0%}")

    with work.told(listen):
        yield


def misused(message: str, as_json: bool) -> int:
    """Print a usage error, or the help of a group without a command."""
    if message.startswith("Usage:") and not as_json:
        print(message, file=sys.stderr)
        return BadInput.exit_code
    return failed(BadInput(message, code="usage"), as_json)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Rows as aligned columns under their names."""
    cells = [[column.replace("_", " ") for column in columns]]
    cells += [["" if row.get(column) is None else str(row[column]) for column in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def facts(document: Mapping[str, Any]) -> list[str]:
    """A document with one line per key; nested values stay JSON."""
    width = max((len(key) for key in document), default=0)
    return [f"{key.replace('_', ' ').ljust(width)}  {_plain(value)}" for key, value in document.items()]


def _plain(value: Any) -> str:
    if value is None:
        return "–"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def when(at: float | None) -> str:
    """A time for people, in this machine's zone."""
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """`key=value` options as a dict. Raises `BadInput` naming each that lacks “=” or is repeated."""
    found: dict[str, str] = {}
    problems = []
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            problems.append(Problem(f"“{text}” is not key=value.", field=option))
        elif key.strip() in found:
            problems.append(Problem(f"“{key.strip()}” is given twice.", field=option))
        found[key.strip()] = value
    if problems:
        raise BadInput(*problems)
    return found


def secret(what: str, *, twice: bool = False) -> str:
    """A secret typed at the terminal, unseen, or the first line of stdin; never an argument, which others can see."""
    if sys.stdin.isatty():
        return str(typer.prompt(what, hide_input=True, confirmation_prompt=twice, err=True))
    return sys.stdin.readline().rstrip("\r\n")
