"""Model editing by fine-tuning: five facts change, and all others should stay.

Naive training teaches the five answers but breaks most others. Replaying other facts beside them keeps
those. *Efficacy*: the changed facts as asked in training; *paraphrase*: asked in other words; *locality*:
other facts, not replayed, that get the same answer as before (De Cao et al. 2021, arXiv 2104.08164; replay
as in Rolnick et al. 2019, arXiv 1811.11682).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from storage.runs.bootstrap import Interval, paired_shares, wilson
from workers.evaluation.suite import Bools
from workers.workshop.bench import adapters, sample_rows
from workers.workshop.bench.adapters import TrainedAdapter
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, Question, Setup, right

COPIES = 2
"""Copies of each changed fact among the replayed ones; otherwise few batches of sixteen would contain one."""
SETTINGS: dict[str, Any] = {
    "learning_rate": 6e-4,
    "num_train_epochs": 14.0,
    "per_device_train_batch_size": 16,
    "max_length": 64,
    "eval_steps": 0.5,
}
"""At 1e-3 locality is a point lower; at 3e-3 replay no longer holds the others."""
NAIVE = {**SETTINGS, "num_train_epochs": 126.0}
"""Five facts twice make one update a pass: as many updates as with replay."""
EFFICACY, LOCALITY = 0.9, 0.95
NEAR = {"": "locality", "same_relation": "of them, same relation", "same_subject": "of them, same subject"}


class _EditTest:
    """The facts to teach and to replay, and the questions for the base and the edited models."""

    def __init__(self, setup: Setup):
        edits = sample_rows.rows("changed_facts")
        replayed = sample_rows.rows("changed_facts_replay")
        self.replayed = [_question(row["prompt"], row["completion"]) for row in replayed[: setup.n(len(replayed))]]
        self.taught = [_question(edit["prompt"], edit["target_new"]) for edit in edits]
        self.paraphrased = [_question(text, edit["target_new"]) for edit in edits for text in edit["paraphrases"]]
        others = setup.random("locality").sample(found := sample_rows.rows("changed_facts_locality"), len(found))
        others = others[: setup.n(len(others))]
        self.local = [_question(row["prompt"], row["completion"]) for row in others]
        self.near = [row["near"] for row in others]

    def asked(self, setup: Setup, model: Any) -> list[list[str | None]]:
        """A model's answers to the taught, the paraphrased and the other facts."""
        return [setup.answers(model, setup.small, part) for part in (self.taught, self.paraphrased, self.local)]

    def rows(self, name: str, before: list[list[str | None]], after: list[list[str | None]]) -> list[Measurement]:
        """Efficacy, paraphrase and locality."""
        found = []
        for i, (measure, part) in enumerate((("efficacy", self.taught), ("paraphrase", self.paraphrased))):
            pair = paired_shares(right(part, before[i]), right(part, after[i]))
            found.append(Measurement.paired(f"{name}: {measure}", len(part), pair))
        same = _same(before[2], after[2])
        for near, measure in NEAR.items():
            chosen = same[[near in ("", this) for this in self.near]]
            if len(chosen):
                found.append(
                    Measurement.alone(f"{name}: {measure}", len(chosen), wilson(int(chosen.sum()), len(chosen)))
                )
        return found


def _question(prompt: str, answer: str) -> Question:
    return Question(({"role": "user", "content": prompt},), answer)


def _rows(questions: Sequence[Question]) -> list[dict[str, str]]:
    return [{"prompt": question.messages[0]["content"], "completion": question.answer} for question in questions]


def _same(one: Sequence[str | None], other: Sequence[str | None]) -> Bools:
    return np.array([a is not None and a == b for a, b in zip(one, other, strict=True)])


def _trained(
    setup: Setup, test: _EditTest, name: str, replayed: list[Question], settings: dict[str, Any]
) -> TrainedAdapter:
    return adapters.train(
        setup,
        name,
        objective="sft",
        shape="prompt_completion",
        rows=_rows([*COPIES * test.taught, *replayed]),
        held_out=_rows(test.paraphrased),
        settings=settings,
    )


def run(setup: Setup) -> Outcome:
    """Edit with replay, and without it."""
    test = _EditTest(setup)
    setup.say(f"{len(test.local)} other facts, before")
    before = test.asked(setup, setup.load(setup.small))
    naive = _trained(setup, test, "edit-naively", [], NAIVE).load()
    without = test.rows("without replay", before, test.asked(setup, naive))
    trained = _trained(setup, test, "edit-with-replay", test.replayed, SETTINGS)
    model = trained.load()
    rows = test.rows("with replay", before, test.asked(setup, model))
    efficacy, locality, broken = _after(rows, "efficacy"), _after(rows, "locality"), _after(without, "locality")
    return Outcome(
        rows=(*rows, *without),
        forgetting=setup.forgetting(setup.small, model),
        settings={**trained.settings, "edits": len(test.taught), "replayed": len(test.replayed)},
        verdict=f"With replay {efficacy.value:.0%} of the edits hold and {locality.value:.0%} of other facts are "
        f"answered as before; without it {broken.value:.0%}.",
        target=f"with replay: efficacy at least {EFFICACY:.0%}, locality at least {LOCALITY:.0%}",
        met=efficacy.value >= EFFICACY and locality.value >= LOCALITY,
    )


def _after(rows: Sequence[Measurement], measure: str) -> Interval:
    return next(row.after for row in rows if row.measure.endswith(measure))


SPEC = Demonstration(title="Five changed facts, with and without replay", run=run)
