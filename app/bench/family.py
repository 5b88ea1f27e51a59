"""What adapting does to the bundled models: runs the workers' demonstrations in a process of their own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

from storage.programs import program
from templates.errors import BadInput, Problem, StudioError

PROGRAM = program("workers.family.demonstrate", "--json")


def measure(options: Mapping[str, Any]) -> dict[str, Any]:
    """The document of `python -m workers.family.demonstrate` with those options that are not None.

    Its progress goes to stderr. Raises `BadInput` or `StudioError` with the problems that it names.
    """
    ran = subprocess.run([*PROGRAM, *_written(options)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if ran.returncode == 0:
        found: dict[str, Any] = json.loads(ran.stdout)
        return found
    try:
        error = json.loads(ran.stdout)["error"]
    except ValueError:
        why = f"The demonstrations ended with status {ran.returncode}."
        raise StudioError(why, code="bench_ended", remedy="What they wrote to stderr says why.") from None
    kind = BadInput if ran.returncode == BadInput.exit_code else StudioError
    raise kind(*(Problem(**problem) for problem in error["problems"]), code=error["code"])


def _written(options: Mapping[str, Any]) -> list[str]:
    written: list[str] = []
    for name, value in options.items():
        if value is not None:
            written += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    return written
