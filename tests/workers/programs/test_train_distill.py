"""Distillation: the teacher reads the rows once, is gone before the student comes, and stands in the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard

from workers import models
from workers.programs import train
from workers.protocol import Done, Entered, Order

MakeOrder = Callable[..., Order]


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
def make_taught(make_order: MakeOrder, teacher_folder: Path) -> MakeOrder:
    def make(**settings: Any) -> Order:
        return make_order(objective="distill_logits", teacher=teacher_folder, **{"max_steps": 16, **settings})

    return make


def test_the_student_comes_nearer_to_its_teacher(make_taught: MakeOrder, heard: Heard) -> None:
    order = make_taught(eval_steps=16, learning_rate=2e-2, method="full")
    done = train.run(order, heard)
    assert isinstance(done, Done)
    stages = [entered.stage for entered in heard.of(Entered)]
    assert stages == ["preparing", "reading the teacher", "training", "evaluating", "publishing"]
    assert heard.losses("held_out")[16] < 0.9 * heard.losses("held_out")[0]
    distance = done.result["measures"]["teacher_distance"]
    assert distance["adapted"] < 0.9 * distance["base"]
    assert done.result["teacher"]["name"] == "big"
    assert "teacher" in done.result["teacher"]["sentence"]
    said = " ".join(done.result["remarks"])
    assert "Kept of the teacher" in said
    assert "kept in full" in said
    card = (Path(order.staging) / "README.md").read_text("utf-8")
    assert "big" in card
    assert "Apache-2.0" in card
