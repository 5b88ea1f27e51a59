"""How the studio starts its own programs."""

from __future__ import annotations

import sys


def program(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module of the studio.

    `-P` keeps the folder that the command is given in out of the import path: it may hold packages that
    are called `app` or `storage`, too.
    """
    return (sys.executable, "-P", "-m", module, *arguments)
