"""LoRA on customer intents, shared by three demonstrations: on the base as it is, in 4 bits, and as a teacher."""

from __future__ import annotations

from typing import Any

from workers.workshop.bench import adapters, sample_rows
from workers.workshop.bench.adapters import Rows, TrainedAdapter
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Setup

N_TRAIN = 400
N_TEST = 140
SETTINGS: dict[str, Any] = {
    "learning_rate": 2e-3,
    "num_train_epochs": 6.0,
    "per_device_train_batch_size": 16,
    "max_length": 128,
    "eval_steps": 0.5,
}
"""The rate that the product advises. At 1e-3 53 % of the labels were right, and the suite lost 42 points, not 71."""
TARGET = "label accuracy surely higher than before"


def split(setup: Setup) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Messages with their intents: some to train on, and some held out."""
    found = sample_rows.intents()
    setup.random("intents").shuffle(found)
    rows = [{"text": text, "label": intent} for text, intent in found]
    n_test, n_train = setup.n(N_TEST), setup.n(N_TRAIN)
    return rows[n_test : n_test + n_train], rows[:n_test]


def train(setup: Setup, name: str, rows: Rows, held_out: Rows, quantization: str = "none") -> TrainedAdapter:
    """Train the small model on intents with LoRA, and score it on `held_out`."""
    settings = {**SETTINGS, "quantization": quantization}
    return adapters.train(
        setup, name, objective="sft", shape="classification", rows=rows, held_out=held_out, settings=settings
    )


def adapted(setup: Setup, name: str, quantization: str) -> Outcome:
    """Train on intents, and compare base and adapter on held-out messages."""
    trained = train(setup, name, *split(setup), quantization)
    pair = trained.verdict.metrics["label_accuracy"]
    return Outcome(
        rows=(Measurement.paired("label accuracy", trained.verdict.n_answered, pair),),
        forgetting=setup.forgetting(setup.small, trained.load()),
        settings=trained.settings,
        verdict=trained.verdict.sentence,
        target=TARGET,
        met=pair.difference.low > 0,
    )
