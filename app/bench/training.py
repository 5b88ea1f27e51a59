"""How fast the studio trains, beside TRL's `SFTTrainer` with its defaults and tuned, by turns in one run."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from storage.bases import base_models
from storage.data import datasets
from storage.models import User
from storage.planning import training
from storage.programs import program
from templates.errors import BadInput, Problem, StudioError
from templates.quantities import size

IN_16_BITS = "studio-bfloat16"
WAYS = {"studio": "studio", IN_16_BITS: "studio, bfloat16", "trl": "TRL, defaults", "trl-tuned": "TRL, tuned"}
"""The ways of `workers.bench.training`, and how they are called."""
FIGURES = ("seconds", "tokens_per_s", "n_tokens", "n_updates", "peak_bytes", "held_out_loss")
N_ROWS, N_HELD_OUT = 256, 64
TRAINED_WITHIN_S = 3600


def measure(user: User, base: str, data: str, rounds: int, n_rows: int) -> dict[str, Any]:
    """Medians of `rounds` alternating trainings, each in a new process with all cores.

    Raises `BadInput` for data without questions and answers, and whatever keeps a plan from being made.
    """
    settings = {"num_train_epochs": 1.0, "max_steps": -1}
    plan = training.plan(user, base=base, dataset=data, objective="sft", method="lora", settings=settings)
    row = plan.dataset_row
    if row.shape not in ("classification", "prompt_completion"):
        wrong = "needs rows of one question and one answer each, to be the same for all."
        raise BadInput(Problem(wrong, field="data", remedy="Choose data with prompts and answers, or with labels."))
    race = {
        "base_folder": str(base_models.folder(plan.base_row)),
        "dataset_file": str(datasets.file(row)),
        "shape": row.shape,
        "recipe": plan.recipe.model_dump(mode="json"),
        "n_rows": n_rows,
        "n_held_out": N_HELD_OUT,
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    }
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        order = Path(folder) / "race.json"
        order.write_text(json.dumps(race))
        turns = [_turn(order) for _ in range(rounds)]
    found: dict[str, Any] = {
        way: {key: statistics.median(turn[way][key] for turn in turns) for key in FIGURES} for way in turns[0]
    }
    return {"base": plan.base_row.name, "data": row.name, "rows": min(n_rows, row.n_rows), "rounds": rounds, **found}


def _turn(order: Path) -> dict[str, dict[str, Any]]:
    """Every way once; the studio in bfloat16 only where the processor has it."""
    ours = _run("studio", order)
    others = [way for way in WAYS if way != "studio" and (way != IN_16_BITS or ours["has_bfloat16"])]
    return {"studio": ours, **{way: _run(way, order) for way in others}}


def _run(way: str, order: Path) -> dict[str, Any]:
    command = program("workers.bench.training", "studio" if way == IN_16_BITS else way, str(order))
    environment = {**os.environ, **({"STUDIO_CPU_DTYPE": "bfloat16"} if way == IN_16_BITS else {})}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=TRAINED_WITHIN_S, check=False, env=environment
    )
    if done.returncode:
        raise StudioError(f"The training in the way of {WAYS[way]} failed: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def sentences(found: dict[str, Any]) -> list[str]:
    """A line for each way, and how the studio compares."""
    lines = [
        f"LoRA on {found['base']}, {found['rows']:,} rows of {found['data']}, one pass, median of {found['rounds']}: "
        "tokens without padding a second, peak memory, updates, loss on held-out answers"
    ]
    ours = found["studio"]["tokens_per_s"]
    for way, name in WAYS.items():
        if way not in found:
            continue
        run = found[way]
        beside = "" if way == "studio" else f"  (the studio is {ours / run['tokens_per_s']:.2f} times as fast)"
        figures = (
            f"{run['tokens_per_s']:>8,.0f} tokens/s {size(run['peak_bytes']):>9} {run['n_updates']:>5,.0f} updates"
        )
        figures += f"  loss {run['held_out_loss']:.3f}"
        lines.append(f"  {name:<16} {figures}{beside}")
    return lines
