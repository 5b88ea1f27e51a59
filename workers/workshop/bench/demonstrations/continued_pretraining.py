"""Continued pretraining: the logbooks of a coast, in words that the base has never read.

Measures perplexity on held-out texts. It also shows the price: raw text of another kind makes a small
model forget how to answer, as the general suite shows.
"""

from __future__ import annotations

from typing import Any

from workers.workshop.bench import adapters, sample_rows
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, Setup

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


def run(setup: Setup) -> Outcome:
    """Read passages with LoRA, and compare perplexities."""
    texts = sample_rows.new_domain()
    setup.random("new domain").shuffle(texts)
    rows = [{"text": text} for text in texts]
    n_test, n_train = setup.n(N_TEST), setup.n(N_TRAIN)
    trained = adapters.train(
        setup,
        "continued_pretraining",
        objective="continue_pretraining",
        shape="text",
        rows=rows[n_test : n_test + n_train],
        held_out=rows[:n_test],
        settings=SETTINGS,
    )
    pair = trained.verdict.metrics["perplexity"]
    return Outcome(
        rows=(Measurement.paired("perplexity of left-out passages", trained.verdict.n_rows, pair, "perplexity"),),
        forgetting=setup.forgetting(setup.small, trained.load()),
        settings=trained.settings,
        verdict=trained.verdict.sentence,
        target="perplexity surely lower than before",
        met=pair.difference.high < 0,
    )


SPEC = Demonstration(title="Continued pretraining on logbooks", run=run)
