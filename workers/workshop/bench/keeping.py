"""`studio bench keep`: what a training costs in general abilities, and what keeps them.

LoRA on a labelled task, in several ways that should keep what the base knew (`keepers.py`). All of them are asked the
same held-out messages and the same items; no replayed row asks what they are asked, and every choice is made on other
rows.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from storage.runs.bootstrap import paired_shares
from storage.text_tables import aligned, cell
from templates.mix import REPLAY_SHARE
from workers.evaluation import suite_verdict
from workers.workshop.bench.ground import Base, Ground, Task, settings_for, task
from workers.workshop.bench.keepers import CONTENDERS, plain
from workers.workshop.bench.setup import Setup

PLAIN = next(name for name, made in CONTENDERS.items() if made is plain)


def measure(setup: Setup, data: str | None, seeds: Sequence[int]) -> dict[str, Any]:
    """Every contender with its task score and its general abilities in each seed, as a document."""
    learned, base = task(data), Base(setup)
    found = [_seed(base, learned, seed) for seed in seeds]
    made = base.own
    dropped = "; ".join(f"{n} {reason}" for reason, n in made.dropped.items())
    return {
        "base": setup.small.folder.name,
        "task": learned.name,
        "suite": base.suite_name,
        "n_items": len(base.items.items),
        "share": setup.share,
        "settings": {**settings_for(setup), "replayed": REPLAY_SHARE},
        "own_rows": f"{len(made.rows)} rows of {made.n_drawn} drawn prompts" + (f" ({dropped})" if dropped else ""),
        "seconds_of_base": base.seconds,
        "seeds": found,
        "mean": _means(found),
    }


def _seed(base: Base, learned: Task, seed: int) -> dict[str, Any]:
    folder = base.setup.folder / f"seed-{seed}"
    folder.mkdir()
    ground = Ground(base, dataclasses.replace(base.setup, seed=seed, folder=folder), learned)
    sizes = {"rows": len(ground.rows), "selection": len(ground.selection), "held_out": len(ground.held_out)}
    return {"seed": seed, **sizes, "own_rows": len(ground.own), "contenders": list(_scored(ground))}


def _scored(ground: Ground) -> Iterator[dict[str, Any]]:
    """Each contender with the differences to the base and to the plain training, and the seconds of both halves."""
    of_plain: tuple[Any, Any] | None = None
    for name, make in CONTENDERS.items():
        ground.setup.say(f"seed {ground.setup.seed}: {name}")
        general, before = ground.base.general, ground.before
        began = time.monotonic()
        kept = make(ground)
        made_s = time.monotonic() - began
        right, items = ground.right(kept.model, ground.held_out), ground.base.scored(kept.model)
        yield {
            "contender": name,
            "said": kept.said,
            "steps": kept.trained.actual["steps"] if kept.trained else 0,
            "task": paired_shares(np.asarray(before), np.asarray(right)).model_dump(),
            "general": suite_verdict.judge(general, items).mean.model_dump(),
            **(_beside_plain(*of_plain, right, items) if of_plain else {}),
            "seconds": {"making": round(made_s, 1), "scoring": round(time.monotonic() - began - made_s, 1)},
        }
        of_plain = of_plain or (right, items)


def _beside_plain(right: Any, items: Any, other_right: Any, other_items: Any) -> dict[str, Any]:
    task_pair = paired_shares(np.asarray(right), np.asarray(other_right))
    return {
        "task_to_plain": task_pair.difference.model_dump(),
        "general_to_plain": suite_verdict.judge(items, other_items).mean.difference.model_dump(),
    }


def _means(seeds: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each contender's mean over the seeds, with the lowest and the highest seed."""
    found = []
    for place, name in enumerate(CONTENDERS):
        ones = [seed["contenders"][place] for seed in seeds]
        values = {
            "task": [one["task"]["adapted"]["value"] for one in ones],
            "general": [one["general"]["adapted"]["value"] for one in ones],
            "general_to_base": [one["general"]["difference"]["value"] for one in ones],
        }
        seconds = float(np.mean([one["seconds"]["making"] for one in ones]))
        spread = {key: {"value": float(np.mean(v)), "low": min(v), "high": max(v)} for key, v in values.items()}
        found.append({"contender": name, **spread, "making_s": round(seconds, 1)})
    return found


def lines(found: Mapping[str, Any]) -> list[str]:
    """The document for a terminal."""
    said = [
        f"{found['base']}, LoRA on {found['task']}; general abilities: {found['n_items']} items of the suite "
        f"{found['suite']}; 95 % intervals in brackets",
        f"the base wrote {found['own_rows']}",
    ]
    for seed in found["seeds"]:
        said += ["", *_of_seed(seed)]
    if len(found["seeds"]) > 1:
        head = ["mean of the seeds [lowest, highest]", "task", "general", "general, to the base", "seconds"]
        table = [
            [
                one["contender"],
                cell(one["task"]),
                cell(one["general"]),
                _change(one["general_to_base"]),
                f"{one['making_s']:.0f}",
            ]
            for one in found["mean"]
        ]
        said += ["", *aligned([head, *table])]
    return said


def _of_seed(seed: Mapping[str, Any]) -> list[str]:
    title = f"seed {seed['seed']}: {seed['rows']} rows, {seed['own_rows']} own rows, {seed['held_out']} held out"
    table = [[title, "task", "to plain", "general", "to the base", "to plain", "seconds"]]
    first = seed["contenders"][0]
    table.append(["base", cell(first["task"]["base"]), "", cell(first["general"]["base"]), "", "", ""])
    for one in seed["contenders"]:
        table.append(
            [
                one["contender"],
                cell(one["task"]["adapted"]),
                _change(one.get("task_to_plain")),
                cell(one["general"]["adapted"]),
                _change(one["general"]["difference"]),
                _change(one.get("general_to_plain")),
                f"{one['seconds']['making']:.0f}",
            ]
        )
    notes = [f"{one['contender']}: {one['said']}" for one in seed["contenders"] if one["said"]]
    return [*aligned(table), *notes]


def _change(interval: Mapping[str, float] | None) -> str:
    """A difference of shares in points."""
    if interval is None:
        return ""
    value, low, high = (round(100 * interval[key]) for key in ("value", "low", "high"))
    return f"{value:+d} [{low:+d}, {high:+d}]".replace("-", "−")
