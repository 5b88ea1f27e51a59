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

import templates.world
from templates.recipe import compose
from templates.world.corpus import POLITE
from workers import models
from workers.evaluation.bootstrap import Pair, paired_shares
from workers.evaluation.suite import Bools
from workers.family import descent, material
from workers.family.shown import Row, Shown
from workers.family.stage import Actor, Demonstration, Question, Stage, right
from workers.training import batches
from workers.training.batches import IGNORED, Example

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


def _questions(stage: Stage, n: int, taken: set[str]) -> list[Question]:
    """Questions of all abilities that can be answered politely, none of them among those `taken`."""
    asked = [ability for ability in templates.world.abilities().values() if ability.polite]
    found: list[Question] = []
    number = 0
    while len(found) < n:
        ability = asked[len(found) % len(asked)]
        example = ability.question(stage.draw("dpo", number))
        number += 1
        prompt = example.messages[-2]["content"]
        if prompt not in taken:
            taken.add(prompt)
            found.append(Question.of(example, next(iter(ability.parts.values()))))
    return found


def _preferences(actor: Actor, rows: list[dict[str, str]]) -> list[_Preference]:
    def answered(row: dict[str, str], answer: str) -> Example:
        rendered = actor.renderer.row("prompt_completion", {"prompt": row["prompt"], "completion": answer})
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


def _measured(questions: list[Question], before: list[str | None], after: list[str | None]) -> tuple[Pair, Pair]:
    """How often answers begin with the word, and how often they are right without it."""

    def polite(given: list[str | None]) -> Bools:
        return np.array([(answer or "").startswith(POLITE) for answer in given])

    def correct(given: list[str | None]) -> Bools:
        return right(questions, [answer and answer.removeprefix(POLITE) for answer in given])

    return paired_shares(polite(before), polite(after)), paired_shares(correct(before), correct(after))


def run(stage: Stage) -> Shown:
    """Turn the preference with LoRA."""
    rows = stage.random("preferences").sample(material.rows("preferences"), stage.n(N_PAIRS))
    pairs = _preferences(stage.small, rows)
    test = _questions(stage, stage.n(N_TEST), {row["prompt"] for row in rows})
    recipe = compose("sft", "lora", settings={"r": RANK}, facts=stage.small.facts)
    torch.manual_seed(stage.seed)
    model: Any = models.adapt(stage.load(stage.small), recipe)
    stage.say("answers before")
    with model.disable_adapter():
        before = stage.answers(model, stage.small, test)
    stage.say(f"training on {len(pairs)} pairs")
    in_order = descent.batches(pairs, BATCH, 1, stage.random("dpo order"), lambda pair: len(pair.chosen.ids))
    descent.descend(model, in_order, lambda batch: _loss(model, batch), learning_rate=LEARNING_RATE, say=stage.say)
    stage.say("answers after")
    rate, kept = _measured(test, before, stage.answers(model, stage.small, test))
    return Shown(
        rows=(
            Row.paired(f"answers that begin with “{POLITE.strip()}”", len(test), rate),
            Row.paired("right answers, the word aside", len(test), kept),
        ),
        forgetting=stage.forgetting(stage.small, model, ignoring=POLITE),
        settings={"r": RANK, "learning_rate": LEARNING_RATE, "beta": BETA, "nll_weight": NLL_WEIGHT}
        | {"pairs": len(pairs), "steps": len(in_order)},
        verdict=f"The word opens {rate.adapted.value:.0%} of the answers, before {rate.base.value:.0%}; "
        f"{kept.adapted.value:.0%} are right, before {kept.base.value:.0%}.",
        target=f"rate at least {RATE:.0%}, right answers at most {100 * MOST_LOST:.0f} points fewer",
        met=rate.adapted.value >= RATE and kept.difference.value >= -MOST_LOST,
    )


SPEC = Demonstration(title="DPO: a polite word becomes preferred", run=run)
