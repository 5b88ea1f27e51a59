"""Direct preference optimisation: answers that begin with a polite word become preferred.

The base hardly ever says it, though its corpus held some such answers. Each pair prefers the right
answer with the word to the same answer without it; so answers should become polite and stay right.
Rafailov et al. 2023, arXiv 2305.18290, equation 7, with the chosen answer's own likelihood added
(Pang et al. 2024, arXiv 2404.19733): without it, small models collapse into repeating the word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from templates.recipe import compose
from templates.suites.general import ABILITIES
from workers import models
from workers.evaluation.bootstrap import Pair, paired_shares
from workers.evaluation.suite import Bools
from workers.training import batches
from workers.training.batches import IGNORED, Example
from workers.workshop.bench import gradient_descent, sample_rows
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, ModelFiles, Question, Setup, right
from workers.workshop.world import abilities
from workers.workshop.world.corpus import POLITE

N_PAIRS = 400
N_TEST = 200
BATCH = 8
BETA = 0.1
NLL_WEIGHT = 1.0
"""Of the chosen answer's mean loss per token; without it the study's answers fell from .80 to .04 right."""
LEARNING_RATE = 1.5e-3
"""At 5e-4 the study's model never said the word."""
RANK = 8
RATE = 0.8
MOST_LOST = 0.05


@dataclass(frozen=True)
class _Preference:
    chosen: Example
    rejected: Example


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


def _preferences(files: ModelFiles, rows: list[dict[str, str]]) -> list[_Preference]:
    def answered(row: dict[str, str], answer: str) -> Example:
        rendered = files.renderer.row("prompt_completion", {"prompt": row["prompt"], "completion": answer})
        return Example(rendered.ids, rendered.trained)

    return [_Preference(answered(row, row["chosen"]), answered(row, row["rejected"])) for row in rows]


def _log_likelihood(model: Any, examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor]:
    """Of each answer, and its number of tokens: both `(rows,)`."""
    batch = batches.padded(examples, answers_only=True)
    labels = batch.pop("labels")[:, 1:]
    logits = model(**batch, use_cache=False).logits[:, :-1].float()
    nll = functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return -nll.sum(1), (labels != IGNORED).sum(1)


def _loss(model: Any, pairs: list[_Preference]) -> torch.Tensor:
    """Equation 7 plus the chosen answers' loss; chosen rows come first, rejected ones after them."""
    examples = [pair.chosen for pair in pairs] + [pair.rejected for pair in pairs]
    own, n_tokens = _log_likelihood(model, examples)
    with torch.no_grad(), model.disable_adapter():
        reference, _ = _log_likelihood(model, examples)
    chosen, rejected = (own - reference).chunk(2)
    likelihood = own[: len(pairs)].sum() / n_tokens[: len(pairs)].sum()
    return -functional.logsigmoid(BETA * (chosen - rejected)).mean() - NLL_WEIGHT * likelihood


def _train(setup: Setup, model: Any, rows: list[dict[str, str]]) -> int:
    """Train the model's adapter on `rows` in place; returns the number of updates."""
    pairs = _preferences(setup.small, rows)
    setup.say(f"training on {len(pairs)} pairs")
    in_order = gradient_descent.batches(pairs, BATCH, 1, setup.random("dpo order"), lambda pair: len(pair.chosen.ids))
    gradient_descent.minimize(
        model, in_order, lambda batch: _loss(model, batch), learning_rate=LEARNING_RATE, say=setup.say
    )
    return len(in_order)


def _measured(questions: list[Question], before: list[str | None], after: list[str | None]) -> tuple[Pair, Pair]:
    """The share of answers that begin with the word, and of those that are right without it."""

    def polite(given: list[str | None]) -> Bools:
        return np.array([(answer or "").startswith(POLITE) for answer in given])

    def correct(given: list[str | None]) -> Bools:
        return right(questions, [answer and answer.removeprefix(POLITE) for answer in given])

    return paired_shares(polite(before), polite(after)), paired_shares(correct(before), correct(after))


def run(setup: Setup) -> Outcome:
    """Train the preference with LoRA, and compare answers."""
    rows = setup.random("preferences").sample(sample_rows.rows("preferences"), setup.n(N_PAIRS))
    test = _questions(setup, setup.n(N_TEST), {row["prompt"] for row in rows})
    recipe = compose("sft", "lora", settings={"r": RANK}, facts=setup.small.facts)
    torch.manual_seed(setup.seed)
    model: Any = models.adapt(setup.load(setup.small), recipe)
    setup.say("answers before")
    with model.disable_adapter():
        before = setup.answers(model, setup.small, test)
    n_steps = _train(setup, model, rows)
    setup.say("answers after")
    rate, kept = _measured(test, before, setup.answers(model, setup.small, test))
    return Outcome(
        rows=(
            Measurement.paired(f"answers that begin with “{POLITE.strip()}”", len(test), rate),
            Measurement.paired("right answers, the word aside", len(test), kept),
        ),
        forgetting=setup.forgetting(setup.small, model, ignoring=POLITE),
        settings={"r": RANK, "learning_rate": LEARNING_RATE, "beta": BETA, "nll_weight": NLL_WEIGHT}
        | {"pairs": len(rows), "steps": n_steps},
        verdict=f"The word opens {rate.adapted.value:.0%} of the answers, before {rate.base.value:.0%}; "
        f"{kept.adapted.value:.0%} are right, before {kept.base.value:.0%}.",
        target=f"rate at least {RATE:.0%}, right answers at most {100 * MOST_LOST:.0f} points fewer",
        met=rate.adapted.value >= RATE and kept.difference.value >= -MOST_LOST,
    )


SPEC = Demonstration(title="DPO: a polite word becomes preferred", run=run)
