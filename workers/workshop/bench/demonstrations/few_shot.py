"""Few-shot prompting: labels learned from examples in the prompt, without any training.

Arbitrary labels for two kinds of texts, which no model can guess without examples; and two customer
intents that the models have never seen. Naming one of the two labels at random would score one half.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from storage.runs.bootstrap import Pair, paired_shares
from workers.workshop.bench import sample_rows
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, Question, Setup
from workers.workshop.world.ability import asked
from workers.workshop.world.draw import Draw
from workers.workshop.world.labellings import Labelling, labelling

N_TEST = 200
SHOTS = (4, 8)
CHANCE = 0.5
MOST_TRIES = 100


def _intents(draw: Draw, messages: dict[str, list[str]]) -> Labelling:
    """Two intents under their own names."""
    chosen = draw.sample(sorted(messages), 2)
    return dataclasses.replace(
        labelling(draw, 2),
        labels={intent: intent for intent in chosen},
        write=lambda drawn, intent: drawn.choice(messages[intent]),
    )


def _questions(chosen: Labelling, draw: Draw, number: int) -> dict[int, Question]:
    """The same question after no, four and eight examples; each four have two of each label."""
    classes = tuple(chosen.labels)
    order = [name for _ in range(max(SHOTS) // 4) for name in draw.shuffled([*classes, *classes])]
    given = [(chosen.write(draw, name), name) for name in order]
    name = classes[number % 2]
    text, tries = chosen.write(draw, name), 1
    while text in {example for example, _ in given} and tries < MOST_TRIES:
        text, tries = chosen.write(draw, name), tries + 1
    examples = [chosen.example(example, label) for example, label in given]
    question, label = chosen.query(text), chosen.labels[name]
    return {k: Question(asked("".join(examples[:k]) + question, label)[:1], label) for k in (0, *SHOTS)}


def _compared(setup: Setup, sets: list[dict[int, Question]], model: Any) -> dict[int, Pair]:
    found = {k: setup.right(model, setup.small, [one[k] for one in sets]) for k in (0, *SHOTS)}
    return {k: paired_shares(found[0], found[k]) for k in SHOTS}


def run(setup: Setup) -> Outcome:
    """Ask the same questions after 0, 4 and 8 examples."""
    n = setup.n(N_TEST)
    messages: dict[str, list[str]] = {}
    for text, intent in sample_rows.intents():
        messages.setdefault(intent, []).append(text)
    model = setup.load(setup.small)
    rows: list[Measurement] = []
    makers: dict[str, Callable[[Draw], Labelling]] = {
        "arbitrary labels": lambda draw: labelling(draw, 2),
        "intents": lambda draw: _intents(draw, messages),
    }
    for name, make in makers.items():
        draws = [setup.draw(f"few shot {name}", number) for number in range(n)]
        setup.say(f"{name}: {n} questions after 0, 4 and 8 examples")
        compared = _compared(setup, [_questions(make(d), d, i) for i, d in enumerate(draws)], model)
        rows += [Measurement.paired(f"{name}, k = 0 → {k}", n, pair) for k, pair in compared.items()]
    best = rows[len(SHOTS) - 1].after
    return Outcome(
        rows=tuple(rows),
        forgetting=None,
        settings={"k": [0, *SHOTS], "labels": 2, "trained": "nothing"},
        verdict=f"With {SHOTS[-1]} examples {best.value:.0%} of the arbitrary labels are right; guessing gives 50 %.",
        target=f"k = {SHOTS[-1]}: arbitrary labels surely above guessing",
        met=best.low > CHANCE,
    )


SPEC = Demonstration(title="Few-shot prompting without training", run=run)
