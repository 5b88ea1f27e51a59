"""How fast chat answers, beside transformers' `generate`, by turns in one run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from storage.bases import base_models
from storage.models import User
from storage.programs import program
from templates.errors import StudioError

WAYS = {"studio": "studio", "transformers": "transformers"}
"""The ways of `workers.bench.chat`, and how they are called."""
SCENES = {"one": "one answer", "four": "four answers", "mixed": "base and three adapters"}
BASE = "studio-small"
N_TOKENS = 64
N_ANSWERS = 4
ANSWERED_WITHIN_S = 1800


def measure(user: User, base: str, rounds: int) -> dict[str, Any]:
    """Medians of `rounds` alternating runs, each in a new process with all cores. Raises `NotFound` for the base."""
    row = base_models.get(user, base)
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        order = Path(folder) / "talks.json"
        talks = {
            "base_folder": str(base_models.folder(row)),
            "adapters_folder": folder,
            "n_tokens": N_TOKENS,
            "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        }
        order.write_text(json.dumps(talks))
        _run("adapters", order)
        turns = [{way: json.loads(_run(way, order)) for way in WAYS} for _ in range(rounds)]
    return {"base": row.name, "rounds": rounds, "tokens": N_TOKENS, **{way: _summary(turns, way) for way in WAYS}}


def _run(way: str, order: Path) -> str:
    command = program("workers.bench.chat", way, str(order))
    done = subprocess.run(command, capture_output=True, text=True, timeout=ANSWERED_WITHIN_S, check=False)
    if done.returncode:
        raise StudioError(f"Answering in the way of {WAYS.get(way, way)} failed: {done.stderr[-500:]}")
    return done.stdout.strip().rpartition("\n")[2]


def _summary(turns: list[dict[str, Any]], way: str) -> dict[str, Any]:
    runs = [turn[way] for turn in turns]
    return {
        "dtype": runs[0]["dtype"],
        **{scene: statistics.median(run[scene] for run in runs) for scene in SCENES},
        "each": [{scene: run[scene] for scene in SCENES} for run in runs],
        "same": min(run["same"] for run in runs),
        "changed": min(run["changed"] for run in runs),
    }


def sentences(found: dict[str, Any]) -> list[str]:
    """A line for each way, and how the studio compares."""
    lines = [
        f"chat on {found['base']}, {found['tokens']} tokens an answer, median of {found['rounds']}: "
        f"tokens a second in all, for {', '.join(SCENES.values())}"
    ]
    for way, name in WAYS.items():
        run = found[way]
        paces = "".join(f"{run[scene]:>8,.0f}" for scene in SCENES)
        ratios = ", ".join(f"{found['studio'][scene] / run[scene]:.2f}" for scene in SCENES)
        beside = "" if way == "studio" else f"  (the studio is {ratios} times as fast)"
        lines.append(f"  {name:<13}{paces} tokens/s in {run['dtype']}{beside}")
    lines += [
        f"  {name}: {found[way]['same']} of {N_ANSWERS} greedy answers of the mixed batch are the same one by one"
        for way, name in WAYS.items()
    ]
    return lines
