"""A real worker with scripted children, or with `--real` ones; `--pause POINT` stops it at that moment."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from storage.jobs import leases
from storage.settings import settings
from workers import child, daemon

CHILD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("scripted_child.py")))
POINTS = {
    "claimed": ("claim", "after"),
    "renamed": ("succeed", "before"),
    "published": ("succeed", "after"),
}


def pause_at(point: str) -> None:
    name, moment = POINTS[point]
    real = getattr(leases, name)

    def paused(*args: object, **kwargs: object) -> object:
        given = real(*args, **kwargs) if moment == "after" else None
        if moment == "before" or given is not None or name == "succeed":
            (settings().root / "paused").touch()
            time.sleep(120)
        return given if moment == "after" else real(*args, **kwargs)

    setattr(leases, name, paused)


def main(arguments: Sequence[str]) -> None:
    """Work until it is told to stop; does not return."""
    if "--pause" in arguments:
        pause_at(arguments[arguments.index("--pause") + 1])
    status = 1
    try:
        status = daemon.main(child.COMMAND if "--real" in arguments else CHILD, calibrates=False)
        assert "torch" not in sys.modules
    except BaseException:
        traceback.print_exc()
    print(f"exit status {status}", flush=True)
    os._exit(status)
