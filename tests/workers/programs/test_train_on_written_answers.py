"""Distillation from probabilities on prompts alone: the teacher writes the answers, then reads what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard, colour_rows

from storage.data.answers import learned
from workers import models
from workers.distillation import written_answers
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Entered, Noted, Report

MakeOrder = Callable[..., TrainingOrder]


@pytest.fixture
def make_taught(make_order: MakeOrder, teacher_folder: Path) -> MakeOrder:
    rows = [
        {
            "prompt": [{"role": "user", "content": row["text"]}],
            "system": None,
            "tools": None,
            "held_out": row["held_out"],
            "source_row": row["source_row"],
        }
        for row in colour_rows(20)
    ]

    def make(**settings: Any) -> TrainingOrder:
        given = {"filters": [], "max_new_tokens": 6, "max_steps": 8, "eval_steps": 8, "draws": 200, **settings}
        return make_order(objective="distill_logits", teacher=teacher_folder, shape="prompt_only", rows=rows, **given)

    return make


def test_the_teacher_writes_and_reads_what_the_student_learns(make_taught: MakeOrder, heard: Heard) -> None:
    order = make_taught(learning_rate=2e-2, method="full")
    done = train.run(order, heard)
    assert isinstance(done, Done)
    stages = [entered.stage for entered in heard.of(Entered)]
    assert stages[:4] == ["preparing", "letting the teacher answer", "reading the teacher", "training"]
    assert heard.losses("held_out")[8] < 0.9 * heard.losses("held_out")[0]
    assert done.result["measures"]["teacher_distance"]["better"]
    assert written_answers.OF_TEACHER in done.result["remarks"]
    assert any("gave 20 answers to 20 prompts" in remark for remark in done.result["remarks"])
    assert (Path(order.staging) / learned.FOLDER / learned.DATASET).is_file()


def test_a_killed_job_asks_and_reads_nothing_twice(
    make_taught: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.run(make_taught(save_steps=4), Heard(on_say=die))
    monkeypatch.setattr(models, "load", lambda *_, **__: pytest.fail("the teacher has said everything"))
    done = train.run(make_taught(attempt=2, save_steps=4), heard)
    assert isinstance(done, Done)
    assert [noted.data["read_now"] for noted in heard.of(Noted) if noted.kind == "teacher_kept"] == [False]
