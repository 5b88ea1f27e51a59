"""Runs workshop commands in a separate process, because the command line must not import torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from storage.programs import program
from templates.errors import StudioError


def run(command: str, names: Sequence[str], options: Mapping[str, Any], as_json: bool) -> None:
    """Run `python -m workers.workshop` with the `options` that are not None, and pass on its output.

    Exits as the program did. Raises `StudioError` if it ended without an error message.
    """
    arguments = [*names, *_written(options), *(["--json"] if as_json else [])]
    ran = subprocess.run(
        program("workers.workshop", command, *arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    if ran.returncode < 0 or (as_json and not _is_document(ran.stdout)):
        why = f"The workshop ended with status {ran.returncode}."
        raise StudioError(why, code="workshop_ended", remedy="Its last lines on stderr say why.")
    print(ran.stdout, end="")
    if ran.returncode:
        raise typer.Exit(ran.returncode)


def _written(options: Mapping[str, Any]) -> list[str]:
    written: list[str] = []
    for name, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            written += [] if each is None else [f"--{name}", str(each)]
    return written


def _is_document(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
