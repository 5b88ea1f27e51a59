"""Orders for a child, and children."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Child, Heard, colour_rows, write_rows

from storage.bases import checkpoint_headers
from templates.recipe import compose
from workers import models
from workers.orders.train import Teacher, TrainingOrder
from workers.protocol import ModelRef


@pytest.fixture
def heard() -> Heard:
    """A worker that only listens."""
    return Heard()


def taught_by(folder: Path) -> Teacher:
    """The model in this folder as a teacher."""
    ref = ModelRef(name="big", base_folder=str(folder), base_revision=folder.name)
    return Teacher(ref=ref, facts=checkpoint_headers.facts(folder), license="Apache-2.0")


@pytest.fixture(scope="session")
def teacher_folder(tmp_path_factory: pytest.TempPathFactory, tiny_model_folder: Path) -> Path:
    """Another random model with the same tokenizer, sharper than the tiny one."""
    folder = tmp_path_factory.mktemp("teacher") / "teacher"
    model = models.load_base(tiny_model_folder, where=torch.device("cpu"), dtype="float32")
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    for path in tiny_model_folder.iterdir():
        if not (folder / path.name).exists() and path.suffix != ".safetensors":
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.fixture
def make_order(tmp_path: Path, tiny_model_folder: Path) -> Callable[..., TrainingOrder]:
    """Training orders on the tiny model; keyword arguments are the recipe's settings."""

    def make(
        *,
        base: Path = tiny_model_folder,
        objective: str = "sft",
        method: str = "lora",
        shape: str = "classification",
        rows: list[dict[str, Any]] | None = None,
        attempt: int = 1,
        eval_rows: int = 4,
        forgetting_items: int = 0,
        own_prompts: int = 0,
        measurements: str = "",
        teacher: Path | None = None,
        **settings: Any,
    ) -> TrainingOrder:
        facts = checkpoint_headers.facts(base)
        settings = {"max_steps": 8, "per_device_train_batch_size": 4, "learning_rate": 5e-3, **settings}
        return TrainingOrder(
            kind="train",
            job_id="job",
            attempt=attempt,
            name="painted",
            log_file=str(tmp_path / "log.txt"),
            shape=shape,
            dataset_file=str(write_rows(tmp_path / "rows.parquet", rows or colour_rows(60))),
            dataset_name="colours",
            dataset_sha256="0" * 64,
            eval_rows=eval_rows,
            forgetting_items=forgetting_items,
            own_prompts=own_prompts,
            measurements=measurements,
            teacher=teacher and taught_by(teacher),
            teacher_readings=str(tmp_path / "teachers") if teacher else "",
            threads=1,
            staging=str(tmp_path / f"staging-{attempt}"),
            checkpoints=str(tmp_path / "checkpoints"),
            base=ModelRef(name="tiny", base_folder=str(base), base_revision="1"),
            base_name="tiny",
            base_source="bundled",
            base_license="Apache-2.0",
            facts=facts,
            recipe=compose(objective, method, settings=settings, facts=facts),
        )

    return make


@pytest.fixture
def child() -> Iterator[Child]:
    """A child that is warming up."""
    made = Child()
    yield made
    made.process.kill()
    made.process.wait()


LABELS = ["refund", "lost_card", "card_arrival", "top_up"]


@pytest.fixture(scope="session")
def classified() -> list[dict[str, Any]]:
    """Held-out rows with labels; texts of very different lengths."""
    return [
        {"text": f"message {i} " + "about my card " * (i % 7), "label": LABELS[i % 4], "source_row": 10 + i}
        for i in range(24)
    ]
