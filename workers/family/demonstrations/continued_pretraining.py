"""Continued pretraining: the logbooks of a coast, in words that the base has never read.

Perplexity on texts that were left out. The price is the point, too: raw text of another kind makes a
small model forget how to answer, which the general suite shows.
"""

from __future__ import annotations

from typing import Any

from workers.family import lessons, material
from workers.family.shown import Row, Shown
from workers.family.stage import Demonstration, Stage

N_TRAIN = 190
N_TEST = 50
SETTINGS: dict[str, Any] = {
    "r": 32,
    "learning_rate": 1e-3,
    "num_train_epochs": 3.0,
    "per_device_train_batch_size": 8,
    "max_length": 256,
    "eval_steps": 0.5,
}
"""Rank 32, because a language is more to learn than a label."""


def run(stage: Stage) -> Shown:
    """Read passages with LoRA, and compare perplexities."""
    texts = material.new_domain()
    stage.random("new domain").shuffle(texts)
    rows = [{"text": text} for text in texts]
    n_test, n_train = stage.n(N_TEST), stage.n(N_TRAIN)
    taught = lessons.teach(
        stage,
        "continued_pretraining",
        objective="continue_pretraining",
        shape="text",
        rows=rows[n_test : n_test + n_train],
        held_out=rows[:n_test],
        settings=SETTINGS,
    )
    pair = taught.verdict.metrics["perplexity"]
    return Shown(
        rows=(Row.paired("perplexity of left-out passages", taught.verdict.n_rows, pair, "perplexity"),),
        forgetting=stage.forgetting(stage.small, taught.load()),
        settings=taught.settings,
        verdict=taught.verdict.sentence,
        target="perplexity surely lower than before",
        met=pair.difference.high < 0,
    )


SPEC = Demonstration(title="Continued pretraining on logbooks", run=run)
