"""`studio bench keep`: what a training costs in general abilities, and what keeps them.

LoRA on customer intents: as it is; with rows replayed that the base wrote itself; and, without another training, the
first adapter at less than its full strength. All are asked the same held-out messages and the same suite items, and no
replayed row asks what they are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
from peft.helpers import rescale_adapter_scale

from storage.planning import apart
from storage.runs.bootstrap import paired_shares
from storage.text_tables import aligned, cell
from templates.jobs.self_replay import SelfReplayParams
from templates.mix import REPLAY_SHARE
from workers import models
from workers.answering import own_rows
from workers.orders.self_replay import SelfReplayOrder
from workers.protocol import ModelRef
from workers.workshop.bench import adapters, intents
from workers.workshop.bench.adapters import Rows, TrainedAdapter
from workers.workshop.bench.setup import Question, Setup
from workers.workshop.world.ability import asked

N_OWN = 160
STRENGTH = 0.7
SHAPE = "classification"


def measure(setup: Setup) -> dict[str, Any]:
    """Every way with its task score and its general abilities, as a document."""
    rows, held_out = intents.split(setup)
    questions = [Question(asked(row["text"], row["label"])[:1], row["label"]) for row in held_out]
    own, written = _own_rows(setup)
    plain = _trained(setup, "plain", rows, held_out)
    replayed = _trained(setup, "self-replay", rows, held_out, own)
    before = setup.right(setup.load(setup.small), setup.small, questions)
    found = [
        _way(setup, "plain", plain, questions, before),
        _way(setup, "self-replay", replayed, questions, before),
        _way(setup, f"plain at strength {STRENGTH:g}", plain, questions, before, STRENGTH),
    ]
    return {
        "base": setup.small.folder.name,
        "seed": setup.seed,
        "share": setup.share,
        "settings": {**intents.SETTINGS, "rows": len(rows), "own_rows": len(own), "replayed": REPLAY_SHARE},
        "own_rows": written,
        "n": len(questions),
        "ways": found,
    }


def _own_rows(setup: Setup) -> tuple[Rows, str]:
    """What the base wrote, without what the suite asks, and a sentence about it."""
    small, params = setup.small, SelfReplayParams(n_rows=max(20, setup.n(N_OWN)), seed=setup.seed + 2)
    order = SelfReplayOrder(
        kind="self_replay",
        job_id="own",
        attempt=1,
        name="own",
        log_file=str(setup.folder / "own.txt"),
        threads=setup.threads,
        staging=str(setup.folder),
        checkpoints=str(setup.folder),
        model=ModelRef(name=small.folder.name, base_folder=str(small.folder), base_revision=""),
        license="",
        params=params,
        suite="general",
        n_items=0,
        own_prompts=0,
    )
    setup.say("the base writes rows of its own")
    made = own_rows.written(order, setup.load(small), small.renderer, lambda _n: None, lambda: False)
    alike = set(apart.places(made.shape, made.rows, apart.of_items(setup.suite.items)))
    kept = [row for place, row in enumerate(made.rows) if place not in alike]
    dropped = {**made.dropped, **({own_rows.JUDGED: len(alike)} if alike else {})}
    why = "; ".join(f"{n} {reason}" for reason, n in dropped.items())
    return kept, f"{len(kept)} rows of {made.n_drawn} drawn prompts ({why})"


def _trained(setup: Setup, name: str, rows: Rows, held_out: Rows, own: Rows = ()) -> TrainedAdapter:
    settings = intents.SETTINGS
    return adapters.train(
        setup, name, objective="sft", shape=SHAPE, rows=rows, held_out=held_out, settings=settings, replayed=own
    )


def _way(
    setup: Setup, name: str, trained: TrainedAdapter, questions: Sequence[Question], before: Any, strength: float = 1.0
) -> dict[str, Any]:
    """One way: the task's score and the general abilities, both beside the base."""
    model = models.load(trained.ref)
    with rescale_adapter_scale(model, strength) if strength != 1.0 else nullcontext():
        after = setup.right(model, setup.small, questions)
        forgotten = setup.forgetting(setup.small, model)
    task = paired_shares(np.asarray(before), np.asarray(after))
    return {
        "way": name,
        "steps": trained.actual["steps"],
        "seconds": trained.actual["seconds"]["training"],
        "task": task.model_dump(),
        "general": forgotten.mean.model_dump(),
        "n_items": forgotten.n,
        "remarks": [one for one in trained.verdict.remarks if "replayed" in one],
    }


def lines(found: Mapping[str, Any]) -> list[str]:
    """The document for a terminal."""
    first = found["ways"][0]
    head = ["", f"task (n {found['n']})", f"general ({first['n_items']} items)", "general, difference", "seconds"]
    table = [["base", cell(first["task"]["base"]), cell(first["general"]["base"]), "", ""]]
    for way in found["ways"]:
        value, low, high = (round(100 * way["general"]["difference"][key]) for key in ("value", "low", "high"))
        change = f"{value:+d} [{low:+d}, {high:+d}]".replace("-", "−")
        seconds = f"{way['seconds']:.0f}" if "strength" not in way["way"] else "no training"
        table.append([way["way"], cell(way["task"]["adapted"]), cell(way["general"]["adapted"]), change, seconds])
    told = f"{found['base']}, seed {found['seed']}, LoRA on customer intents; 95 % intervals in brackets"
    return [told, found["own_rows"], *aligned([head, *table])]
