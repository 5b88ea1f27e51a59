"""LoRA on customer intents, which demonstrations share: on the base as it is, in 4 bits, and as a teacher."""

from __future__ import annotations

from typing import Any

from workers.family import lessons, material
from workers.family.lessons import Rows, Taught
from workers.family.shown import Row, Shown
from workers.family.stage import Stage

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


def split(stage: Stage) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Messages with their intents: some to learn from, and some that are left out."""
    found = material.intents()
    stage.random("intents").shuffle(found)
    rows = [{"text": text, "label": intent} for text, intent in found]
    n_test, n_train = stage.n(N_TEST), stage.n(N_TRAIN)
    return rows[n_test : n_test + n_train], rows[:n_test]


def teach(stage: Stage, name: str, rows: Rows, held_out: Rows, quantization: str = "none") -> Taught:
    """Teach the small model intents with LoRA; its verdict is taken on `held_out`."""
    settings = {**SETTINGS, "quantization": quantization}
    return lessons.teach(
        stage, name, objective="sft", shape="classification", rows=rows, held_out=held_out, settings=settings
    )


def adapted(stage: Stage, name: str, quantization: str) -> Shown:
    """Teach intents, and compare base and adapter on messages that were left out."""
    taught = teach(stage, name, *split(stage), quantization)
    pair = taught.verdict.metrics["label_accuracy"]
    return Shown(
        rows=(Row.paired("label accuracy", taught.verdict.n_answered, pair),),
        forgetting=stage.forgetting(stage.small, taught.load()),
        settings=taught.settings,
        verdict=taught.verdict.sentence,
        target=TARGET,
        met=pair.difference.low > 0,
    )
