"""How long the web process takes until it answers, and how much memory it then holds."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from app import supervise
from app.bench import ground
from storage import migrate, programs
from templates.errors import StudioError

WITHIN_S = 60.0
LOOK_S = 0.05


def measure(rounds: int) -> dict[str, Any]:
    """Medians over several starts, each a fresh process; memory after the start page was served."""
    with ground.fresh() as folder:
        migrate.upgrade()
        starts = [_one(folder) for _ in range(rounds)]
    return {
        "rounds": rounds,
        "ready_s": statistics.median(start["ready_s"] for start in starts),
        "resident_bytes": int(statistics.median(start["resident_bytes"] for start in starts)),
        "torch_loaded": any(start["torch_loaded"] for start in starts),
        "each": starts,
    }


def _one(folder: Path) -> dict[str, Any]:
    port = supervise.free_port()
    began = time.monotonic()
    command = programs.program("app.cli", "web", "--host", "127.0.0.1", "--port", str(port))
    with programs.for_the_duration("web", command) as process:
        while not supervise.answers(f"http://127.0.0.1:{port}/readyz"):
            if process.poll() is not None or time.monotonic() - began > WITHIN_S:
                tail = (folder / "logs" / "web.log").read_text("utf-8", "replace")[-2000:]
                raise StudioError(f"The web process did not start: {tail}", code="part_did_not_start")
            time.sleep(LOOK_S)
        ready_s = time.monotonic() - began
        httpx.get(f"http://127.0.0.1:{port}/", timeout=30.0, trust_env=False).raise_for_status()
        seen = psutil.Process(process.pid)
        return {
            "ready_s": ready_s,
            "resident_bytes": seen.memory_info().rss,
            "torch_loaded": any("libtorch" in mapped.path for mapped in seen.memory_maps()),
        }
