"""`studio bench`: measures on this machine what the studio promises about its speed.

Each measurement starts real processes on a fresh data folder and leaves your data alone.
"""

from __future__ import annotations

from typing import Any

from app.bench import data, first_step, web

READY_WITHIN_S = 4.0
RESIDENT_BYTES = 250_000_000
FIRST_STEP_WITHIN_S = 1.5
MOST_FILE_ROUNDS = 3


def run(what: str, rounds: int, n_rows: int = data.N_ROWS) -> dict[str, Any]:
    """Measure `web`, `jobs`, `data` (files with this many rows) or `all`."""
    document: dict[str, Any] = {}
    if what in ("web", "all"):
        document["web"] = web.measure(rounds)
    if what in ("jobs", "all"):
        document["jobs"] = first_step.measure(rounds)
    if what in ("data", "all"):
        document["data"] = data.measure(min(rounds, MOST_FILE_ROUNDS), n_rows)
    return document


def sentences(document: dict[str, Any]) -> list[str]:
    """The measurements next to the promises."""
    lines = []
    mb = 10**6
    if found := document.get("web"):
        lines += [
            f"web process ready in {found['ready_s']:.2f} s "
            f"(median of {found['rounds']}; promised ≤ {READY_WITHIN_S:g} s)",
            f"web process resident: {found['resident_bytes'] / mb:.0f} MB (promised ≤ {RESIDENT_BYTES / mb:.0f} MB)",
            f"torch in the web process: {'LOADED' if found['torch_loaded'] else 'not loaded'}",
        ]
    if found := document.get("jobs"):
        lines.append(
            f"submit → first training step: {found['first_step_s']:.2f} s with a warm worker "
            f"(median of {found['rounds']}; promised ≤ {FIRST_STEP_WITHIN_S:g} s)"
        )
    if found := document.get("data"):
        lines += data.sentences(found)
    return lines
