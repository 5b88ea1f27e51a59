"""What each method reaches on your data, each at the best of three learning rates."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.bases import base_models
from storage.data import datasets, splits
from storage.models import User
from storage.planning import training
from storage.programs import program
from storage.settings import settings
from templates import capabilities, registry
from templates.errors import BadInput, StudioError

BASE = "studio-small"
OBJECTIVE = "sft"
FACTORS = (1 / 3, 1.0, 3.0)
"""Learning rates to choose from, as multiples of the advised one."""
N_ROWS = 100_000
ITEMS = 8
"""Items of the suite for each ability."""
TRAINED_WITHIN_S = 4 * 3600


def measure(user: User, base: str, data: str, only: Sequence[str], n_rows: int) -> dict[str, Any]:
    """Train and judge the methods `only`, or else all but those for experts.

    Raises what keeps a plan from being made.
    """
    able = {method.key: method for method in capabilities.methods_for(registry.objective(OBJECTIVE))}
    wanted = [registry.method(key).key for key in only] or [key for key, one in able.items() if not one.is_expert]
    plans, left_out = [], {}
    for key in wanted:
        try:
            plans.append(training.plan(user, base=base, dataset=data, objective=OBJECTIVE, method=key))
        except BadInput as error:
            if only:
                raise
            left_out[key] = str(error)
    if not plans:
        why = next(iter(left_out.values()), "")
        raise StudioError(f"No method can be trained on “{data}”. {why}", code="bench_failed")
    first = plans[0]
    row, facts = first.dataset_row, base_models.facts(first.base_row)
    contest = {
        "base_folder": str(base_models.folder(first.base_row)),
        "facts": facts.model_dump(mode="json"),
        "dataset_file": str(datasets.file(row)),
        "shape": row.shape,
        "split_seed": splits.DRAWN.seed if row.split_seed is None else row.split_seed,
        "recipes": [plan.recipe.model_dump(mode="json") for plan in plans],
        "factors": FACTORS,
        "n_rows": n_rows,
        "eval_rows": settings().eval_rows,
        "suite": "general",
        "items": ITEMS,
        "threads": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    }
    outcomes = _run(contest)
    shares = {one["method"]: one["n_trained"] / facts.n_parameters for one in outcomes if "n_trained" in one}
    return {
        "base": first.base_row.name,
        "data": row.name,
        "rows": min(n_rows, row.n_rows - row.n_held_out),
        "left_out": left_out,
        "methods": [{**one, "share": shares.get(one["method"])} for one in outcomes],
    }


def _run(contest: dict[str, Any]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="studio-bench-") as folder:
        order = Path(folder) / "contest.json"
        order.write_text(json.dumps(contest))
        command = program("workers.bench.methods", str(order))
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TRAINED_WITHIN_S, check=False)
    if done.returncode:
        raise StudioError("The methods could not be measured; the lines above say why.", code="bench_failed")
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def sentences(found: dict[str, Any]) -> list[str]:
    """A line for each method, the best first."""
    lines = [
        f"{found['base']} on {found['data']}, {found['rows']:,} training rows; each method at the best of three "
        "learning rates, chosen on rows set apart; 95 % intervals in brackets"
    ]
    judged = [one for one in found["methods"] if "failed" not in one]
    if judged:
        headline, base = judged[0]["headline"], judged[0]
        lines.append(
            f"{'method':<18}{'rate':>8}{'seconds':>8}{'trained':>9}  {headline:<22}{'held-out loss':<24}general"
        )
        lines.append(_line("(the base)", "", "", "", base, "base"))
    for one in sorted(judged, key=lambda one: one["loss"]["adapted"]["value"]):
        rate, seconds, share = f"{one['learning_rate']:g}", f"{one['seconds']:.0f}", f"{100 * one['share']:.2g} %"
        lines.append(_line(one["method"], rate, seconds, share, one, "adapted"))
    lines += [f"{one['method']} failed: {one['failed']}" for one in found["methods"] if "failed" in one]
    lines += [f"{key} was left out: {why}" for key, why in found["left_out"].items()]
    return lines


def _line(name: str, rate: str, seconds: str, share: str, one: dict[str, Any], side: str) -> str:
    is_loss = one["headline"] == "loss"
    score, general = _interval(one["score"][side], share=not is_loss), _interval(one["general"][side], share=True)
    loss = _interval(one["loss"][side], share=False)
    return f"{name:<18}{rate:>8}{seconds:>8}{share:>9}  {score:<22}{loss:<24}{general}"


def _interval(found: dict[str, float], *, share: bool) -> str:
    low, high = (found[key] for key in ("low", "high"))
    if share:
        return f"{100 * found['value']:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{found['value']:.3f} [{low:.3f}, {high:.3f}]"
