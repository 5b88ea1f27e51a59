"""LoRA on customer intents, which two demonstrations share: on the base as it is, and on the base in 4 bits."""

from __future__ import annotations

from typing import Any

from workers.family import lessons, material
from workers.family.shown import Row, Shown
from workers.family.stage import Stage

N_TRAIN = 400
N_TEST = 140
SETTINGS: dict[str, Any] = {
    "learning_rate": 1e-3,
    "num_train_epochs": 6.0,
    "per_device_train_batch_size": 16,
    "max_length": 128,
    "eval_steps": 0.5,
}
"""At 3e-3 the study reached the same accuracy and lost a third of the general suite."""
TARGET = "label accuracy surely higher than before"


def adapted(stage: Stage, name: str, quantization: str) -> Shown:
    """Teach intents, and compare base and adapter on messages that were left out."""
    found = material.intents()
    stage.random("intents").shuffle(found)
    rows = [{"text": text, "label": intent} for text, intent in found]
    n_test, n_train = stage.n(N_TEST), stage.n(N_TRAIN)
    taught = lessons.teach(
        stage,
        name,
        objective="sft",
        shape="classification",
        rows=rows[n_test : n_test + n_train],
        held_out=rows[:n_test],
        settings={**SETTINGS, "quantization": quantization},
    )
    pair = taught.verdict.metrics["label_accuracy"]
    return Shown(
        rows=(Row.paired("label accuracy", taught.verdict.n_answered, pair),),
        forgetting=stage.forgetting(stage.small, taught.load()),
        settings=taught.settings,
        verdict=taught.verdict.sentence,
        target=TARGET,
        met=pair.difference.low > 0,
    )
