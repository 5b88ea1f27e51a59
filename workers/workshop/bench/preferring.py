"""`studio bench preferences`: a trait is learned from preferences in every way, and by fine-tuning on chosen answers.

Every way gets the same pairs and the product's own defaults. Its answers to fresh questions are compared with the
base's by a rule; beside that stand the length of the answers, what is right, and the general abilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from storage.runs.bootstrap import Floats, paired_shares
from storage.text_tables import aligned, cell
from workers.evaluation.scoring import Answer
from workers.evaluation.suite import Bools
from workers.evaluation.wins import Wins, counted
from workers.workshop.bench import adapters
from workers.workshop.bench.outcome import Forgotten
from workers.workshop.bench.setup import Question, Setup, right
from workers.workshop.bench.traits import TRAITS, Trait, wins

N_TRAIN, N_HELD_OUT, N_TEST = 340, 60, 240
WAYS = ("dpo", "orpo", "simpo", "kto", "sft")
SETTINGS: Mapping[str, Any] = {"max_length": 128, "eval_steps": 0.5}
"""What is set for all ways; the rest is as the product advises."""
TARGET, MOST_LOST = 0.8, 0.05


@dataclass
class _Measured:
    """A way over all seeds."""

    score: list[Floats] = field(default_factory=list)
    before: list[Answer] = field(default_factory=list)
    after: list[Answer] = field(default_factory=list)
    was_right: list[Bools] = field(default_factory=list)
    is_right: list[Bools] = field(default_factory=list)
    forgotten: list[Forgotten] = field(default_factory=list)
    accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    steps: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def document(self, way: str) -> dict[str, Any]:
        """The way's figures; intervals are over the questions of all seeds."""
        score = np.concatenate(self.score)
        kept = paired_shares(np.concatenate(self.was_right), np.concatenate(self.is_right))
        won: Wins = counted(score, self.before, self.after, np.arange(len(score)))
        general = [one.mean.difference.value for one in self.forgotten]
        return {
            "way": way,
            "wins": won.model_dump(),
            "rate_of_seeds": [float(one.mean()) for one in self.score],
            "right": kept.model_dump(),
            "general": [one.mean.model_dump() for one in self.forgotten],
            "preference_accuracy": self.accuracy,
            "seconds": self.seconds,
            "steps": self.steps,
            "settings": self.settings,
            "met": won.rate.value >= TARGET
            and kept.difference.value >= -MOST_LOST
            and float(np.mean(general)) >= -MOST_LOST,
        }


def measure(
    setups: Sequence[Setup], trait_key: str, ways: Sequence[str] = WAYS, stream: str = "test"
) -> dict[str, Any]:
    """The figures of every way, over one setup for each seed; `stream` names which fresh questions are asked."""
    trait = TRAITS[trait_key]
    found = {way: _Measured() for way in ways}
    n_items = 0
    for setup in setups:
        n_items = _on_seed(setup, trait, found, stream)
    first = setups[0]
    return {
        "base": first.small.folder.name,
        "trait": trait_key,
        "title": trait.title,
        "seeds": [setup.seed for setup in setups],
        "share": first.share,
        "pairs": first.n(N_TRAIN),
        "n": len(setups) * first.n(N_TEST),
        "n_items": n_items,
        "target": f"win rate at least {TARGET:.0%}, right answers and general abilities at most "
        f"{100 * MOST_LOST:.0f} points fewer",
        "ways": [measured.document(way) for way, measured in found.items()],
    }


def _on_seed(setup: Setup, trait: Trait, found: Mapping[str, _Measured], stream: str) -> int:
    """Train every way with this seed and add its figures; returns the number of the suite's items."""
    pairs = trait.pairs(setup)
    n_held_out, n_train = setup.n(N_HELD_OUT), setup.n(N_TRAIN)
    held_out, rows = pairs[:n_held_out], pairs[n_held_out : n_held_out + n_train]
    questions = trait.questions(setup, stream, setup.n(N_TEST), {pair["prompt"][-1]["content"] for pair in pairs})
    setup.say("answers before")
    before = setup.answers(setup.load(setup.small), setup.small, questions)
    n_items = 0
    for way, measured in found.items():
        setup.say(way)
        trained = adapters.train(
            setup, way, objective=way, shape="preference", rows=rows, held_out=held_out, settings=SETTINGS
        )
        model = trained.load()
        after = setup.answers(model, setup.small, questions)
        measured.score.append(np.array(wins(trait, before, after)))
        measured.before += _answers(questions, before)
        measured.after += _answers(questions, after)
        measured.was_right.append(right(questions, before))
        measured.is_right.append(right(questions, after))
        measured.forgotten.append(setup.forgetting(setup.small, model, ignoring=trait.plain))
        accuracy = trained.verdict.metrics.get("preference_accuracy")
        measured.accuracy += [accuracy.adapted.value] if accuracy else []
        measured.seconds.append(trained.actual["seconds"]["training"])
        measured.steps, measured.settings = trained.actual["steps"], trained.settings
        n_items = measured.forgotten[-1].n
    return n_items


def _answers(questions: Sequence[Question], given: Sequence[str | None]) -> list[Answer]:
    return [
        Answer(place, question.messages[-1]["content"], question.answer, text or "", text is not None)
        for place, (question, text) in enumerate(zip(questions, given, strict=True))
    ]


def lines(found: Mapping[str, Any]) -> list[str]:
    """The document for a terminal."""
    head = ["", f"wins (n {found['n']})", "at equal length", "characters", "right", "general", "pairs right", "seconds"]
    table = []
    for way in found["ways"]:
        won, kept = way["wins"], way["right"]
        even = cell(won["at_equal_length"]) if won["at_equal_length"] else "can't tell"
        length = f"{won['length']['base']['value']:.0f} → {won['length']['adapted']['value']:.0f}"
        general = float(np.mean([one["difference"]["value"] for one in way["general"]]))
        accuracy = way["preference_accuracy"]
        table.append(
            [
                way["way"] + (" ✓" if way["met"] else ""),
                cell(won["rate"]),
                even,
                length,
                f"{cell(kept['base'])} → {cell(kept['adapted'])}",
                f"{100 * general:+.0f}".replace("-", "−"),
                f"{np.mean(accuracy):.0%}" if accuracy else "",
                f"{np.mean(way['seconds']):.0f}",
            ]
        )
    seeds = ", ".join(map(str, found["seeds"]))
    told = f"{found['base']}, {found['title']}: {found['pairs']} pairs, seeds {seeds}; 95 % intervals in brackets"
    return [told, f"✓ {found['target']}", *aligned([head, *table])]
