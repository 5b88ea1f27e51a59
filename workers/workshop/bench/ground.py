"""What all contenders of `studio bench keep` share: rows, items, the base's own rows, and how a model is scored."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from storage import users
from storage.bases import base_models
from storage.data import datasets, row_files
from storage.gallery import suites
from storage.gallery.suites import Suite
from storage.planning import apart
from templates.errors import BadInput, Problem
from templates.jobs.self_replay import SelfReplayParams
from workers.answering import own_rows
from workers.evaluation import suite
from workers.evaluation.suite import Bools, SuiteScores
from workers.orders.self_replay import SelfReplayOrder
from workers.protocol import ModelRef
from workers.workshop.bench import adapters, intents, sample_rows
from workers.workshop.bench.adapters import Rows, TrainedAdapter
from workers.workshop.bench.setup import Question, Setup
from workers.workshop.world.ability import asked

SHAPE = "classification"
N_TRAIN, N_SELECTION, N_TEST = 320, 80, 140
N_OWN = 160
ITEMS = 20
"""Items of each general ability: 360 for the bundled models, 300 for others."""
OWN_SEED = 2
"""Of the rows that the base writes: one set for all seeds."""
AS_ADVISED = None
"""A setting that the product's advice decides, not the bench."""
WATCHED = 8
"""Held-out rows behind a training's own loss; contenders are scored by their answers."""


@dataclass(frozen=True)
class Task:
    """Messages with labels, and the text that stands before each."""

    name: str
    rows: Rows
    instruction: str = ""


def task(data: str | None) -> Task:
    """Customer intents, or the training side of a dataset in the studio; its held-out rows stay closed.

    Raises `NotFound` for an unknown dataset, `BadInput` for one without labels or with too few rows.
    """
    if data is None:
        return Task("customer intents", [{"text": text, "label": label} for text, label in sample_rows.intents()])
    found = datasets.get(users.local(), data)
    if found.shape != SHAPE:
        what = f"“{data}” has no labels (its rows are {found.shape})."
        raise BadInput(Problem(what, field="data", remedy="Name a dataset of texts with labels."))
    rows = row_files.read(datasets.file(found), held_out=False)
    if len(rows) < (fewest := 4 * ITEMS):
        what = f"“{data}” has {len(rows)} training rows, which are divided into three."
        raise BadInput(Problem(what, field="data", remedy=f"Name a dataset with at least {fewest}."))
    plain = [{"text": row["text"], "label": row["label"]} for row in rows]
    return Task(data, plain, found.instruction or "")


@dataclass
class Base:
    """A base, its general abilities and the rows that it writes: measured once for all seeds."""

    setup: Setup
    seconds: dict[str, float] = field(default_factory=dict)

    @cached_property
    def suite_name(self) -> str:
        """The suite that suits it."""
        bundled = self.setup.small.folder.parent == base_models.BUNDLED_DIR
        return suites.of_base("bundled" if bundled else "folder")

    @cached_property
    def items(self) -> Suite:
        """The items that verdicts ask, and more of them."""
        return suites.asked_of(self.suite_name, ITEMS)

    @cached_property
    def general(self) -> SuiteScores:
        """Its general abilities before any training."""
        self.setup.say(f"the base answers {len(self.items.items)} items")
        began = time.monotonic()
        found = self.scored(self.setup.load(self.setup.small))
        self.seconds["base: general abilities"] = time.monotonic() - began
        return found

    def scored(self, model: Any) -> SuiteScores:
        """The general abilities of a model made from it."""
        files = self.setup.small
        return suite.score(model, files.renderer, self.items, context_length=files.facts.context_length)

    @cached_property
    def own(self) -> own_rows.OwnRows:
        """What it writes to be replayed, without what the items ask."""
        setup, small = self.setup, self.setup.small
        setup.say("the base writes rows of its own")
        began = time.monotonic()
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
            params=SelfReplayParams(n_rows=max(20, setup.n(N_OWN)), seed=OWN_SEED),
            suite=self.suite_name,
            n_items=ITEMS,
            own_prompts=0,
        )
        found = own_rows.written(order, setup.load(small), small.renderer, lambda _n: None, lambda: False)
        self.seconds["base: own rows"] = time.monotonic() - began
        return found


class Ground:
    """The rows of one seed, and what every contender starts from."""

    def __init__(self, base: Base, setup: Setup, learned: Task):
        self.base, self.setup, self.task = base, setup, learned
        rows = list(learned.rows)
        setup.random("rows").shuffle(rows)
        whole = N_TRAIN + N_SELECTION + N_TEST
        scale = min(1.0, len(rows) / whole)
        n_test, n_selection, n_train = (setup.n(round(scale * n)) for n in (N_TEST, N_SELECTION, N_TRAIN))
        self.held_out, rest = rows[:n_test], rows[n_test:]
        self.selection, self.rows = rest[:n_selection], rest[n_selection : n_selection + n_train]

    @cached_property
    def own(self) -> Rows:
        """The base's own rows, without those that ask what is judged in this seed."""
        made = self.base.own
        judged = apart.of_prompts(row["text"] for row in (*self.held_out, *self.selection))
        alike = set(apart.places(made.shape, made.rows, judged))
        return [row for place, row in enumerate(made.rows) if place not in alike]

    @cached_property
    def plain(self) -> TrainedAdapter:
        """The training without anything that keeps what the base knew."""
        return self.train("plain")

    def train(self, name: str, **options: Any) -> TrainedAdapter:
        """Train on the task's rows; `options` as in `adapters.train`, settings above the bench's own."""
        setup = self.setup
        given: dict[str, Any] = {
            "objective": "sft",
            "shape": SHAPE,
            "rows": self.rows,
            "held_out": self.held_out[:WATCHED],
            "eval_rows": 0,
            "instruction": self.task.instruction,
            **options,
        }
        settings = {**settings_for(setup), **options.get("settings", {})}
        given["settings"] = {key: value for key, value in settings.items() if value is not AS_ADVISED}
        if "replayed" in given:
            given["replayed_shape"] = self.base.own.shape
        return adapters.train(setup, name, **given)

    def right(self, model: Any, rows: Rows) -> Bools:
        """Whether a model gives each of these messages its label."""
        told = self.task.instruction
        before = [{"role": "system", "content": told}] if told else []
        questions = [Question([*before, *asked(row["text"], row["label"])[:1]], row["label"]) for row in rows]
        return self.setup.right(model, self.setup.small, questions)

    @cached_property
    def before(self) -> Bools:
        """The base's answers to the held-out messages."""
        self.setup.say(f"the base answers {len(self.held_out)} messages")
        return self.right(self.setup.load(self.setup.small), self.held_out)


def settings_for(setup: Setup) -> Mapping[str, Any]:
    """The training's settings: on a base that isn't small, the product's own rate, and fewer passes for their time."""
    if setup.small.facts.is_small:
        return intents.SETTINGS
    given = {key: value for key, value in intents.SETTINGS.items() if key != "learning_rate"}
    return {**given, "num_train_epochs": 3.0}


def share_of(found: Bools) -> float:
    """The share that is right."""
    return float(np.mean(found))


def best_of(scores: Sequence[tuple[float, float]], least: float) -> float:
    """Of `(strength, selection score)`, the smallest strength that keeps at least this share of the last one's score.

    The last one if its score is 0, as there is nothing to choose by.
    """
    whole, of_whole = scores[-1]
    return next(strength for strength, score in scores if score >= least * of_whole) if of_whole else whole
