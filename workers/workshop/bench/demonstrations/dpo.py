"""Direct preference optimisation: answers that begin with a polite word become preferred.

The base hardly ever says it, though its corpus held some such answers. Each pair prefers the right
answer with the word to the same answer without it; so answers should become polite and stay right.
Rafailov et al. 2023, arXiv 2305.18290, equation 7, with the chosen answer's own likelihood added
(Pang et al. 2024, arXiv 2404.19733): without it, small models collapse into repeating the word.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from storage.runs.bootstrap import Pair, paired_shares
from templates.suites.general import ABILITIES
from workers.evaluation.suite import Bools
from workers.workshop.bench import adapters, sample_rows
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, Question, Setup, right
from workers.workshop.world import abilities
from workers.workshop.world.corpus import POLITE

N_TRAIN = 360
N_HELD_OUT = 40
N_TEST = 200
SETTINGS: dict[str, Any] = {
    "r": 8,
    "learning_rate": 1.5e-3,
    "num_train_epochs": 1.0,
    "per_device_train_batch_size": 8,
    "max_length": 128,
    "eval_steps": 0.5,
    "beta": 0.1,
    "loss_type": ["sigmoid", "sft"],
    "loss_weights": [1.0, 1.0],
}
"""At a rate of 5e-4 the study's model never said the word; without `sft` its right answers fell from .80 to .04."""
RATE = 0.8
MOST_LOST = 0.05


def _questions(setup: Setup, n: int, taken: set[str]) -> list[Question]:
    """Questions of all abilities that can be answered politely, none of them among those `taken`."""
    asked = [ability for ability in abilities().values() if ability.polite]
    found: list[Question] = []
    number = 0
    while len(found) < n:
        ability = asked[len(found) % len(asked)]
        example = ability.question(setup.draw("dpo", number))
        number += 1
        prompt = example.messages[-2]["content"]
        if prompt not in taken:
            taken.add(prompt)
            found.append(Question.of(example, next(iter(ABILITIES[ability.key].parts.values()))))
    return found


def _measured(questions: list[Question], before: list[str | None], after: list[str | None]) -> tuple[Pair, Pair]:
    """The share of answers that begin with the word, and of those that are right without it."""

    def polite(given: list[str | None]) -> Bools:
        return np.array([(answer or "").startswith(POLITE) for answer in given])

    def correct(given: list[str | None]) -> Bools:
        return right(questions, [answer and answer.removeprefix(POLITE) for answer in given])

    return paired_shares(polite(before), polite(after)), paired_shares(correct(before), correct(after))


def run(setup: Setup) -> Outcome:
    """Train the preference with LoRA, and compare answers."""
    pairs = sample_rows.rows("preferences")
    setup.random("preferences").shuffle(pairs)
    rows = [{**pair, "prompt": [{"role": "user", "content": pair["prompt"]}]} for pair in pairs]
    n_held_out, n_train = setup.n(N_HELD_OUT), setup.n(N_TRAIN)
    test = _questions(setup, setup.n(N_TEST), {pair["prompt"] for pair in pairs})
    setup.say("answers before")
    before = setup.answers(setup.load(setup.small), setup.small, test)
    trained = adapters.train(
        setup,
        "dpo",
        objective="dpo",
        shape="preference",
        rows=rows[n_held_out : n_held_out + n_train],
        held_out=rows[:n_held_out],
        settings=SETTINGS,
    )
    model = trained.load()
    setup.say("answers after")
    rate, kept = _measured(test, before, setup.answers(model, setup.small, test))
    return Outcome(
        rows=(
            Measurement.paired(f"answers that begin with “{POLITE.strip()}”", len(test), rate),
            Measurement.paired("right answers, the word aside", len(test), kept),
        ),
        forgetting=setup.forgetting(setup.small, model, ignoring=POLITE),
        settings=trained.settings,
        verdict=f"The word opens {rate.adapted.value:.0%} of the answers, before {rate.base.value:.0%}; "
        f"{kept.adapted.value:.0%} are right, before {kept.base.value:.0%}.",
        target=f"rate at least {RATE:.0%}, right answers at most {100 * MOST_LOST:.0f} points fewer",
        met=rate.adapted.value >= RATE and kept.difference.value >= -MOST_LOST,
    )


SPEC = Demonstration(title="DPO: a polite word becomes preferred", run=run)
