"""Distillation on prompts alone: the teacher writes the answers, then reads what it wrote, or only judges by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard, colour_rows

from storage.data.answers import learned
from tests.contracts import small_models
from workers import models
from workers.distillation import written_answers
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Entered, Noted, Report

MakeOrder = Callable[..., TrainingOrder]
WRITTEN = {"filters": [], "max_new_tokens": 6}


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
        objective = settings.setdefault("objective", "distill_logits")
        own = {
            "distill_on_policy": {"max_completion_length": 6, "mask_truncated_completions": False},
            "distill_logits": {**WRITTEN, "draws": 200},
        }
        shared = {"max_steps": 8, "eval_steps": 8, "shape": "prompt_only", "rows": rows, "teacher": teacher_folder}
        return make_order(**{**shared, **own.get(objective, WRITTEN), **settings})

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


def test_a_student_that_writes_itself_is_judged_by_the_teachers_answers(make_taught: MakeOrder, heard: Heard) -> None:
    order = make_taught(objective="distill_on_policy", max_steps=2)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    stages = [entered.stage for entered in heard.of(Entered)]
    assert stages[:3] == ["preparing", "letting the teacher answer", "training"]
    assert done.result["measures"]["teacher_distance"]["n"] == 4
    assert (done.result["n_rows"], done.result["n_answered"]) == (4, 4), "the held-out prompts"
    assert done.result["teacher"]["metrics"]["exact_match"]["base"]["value"] == 0, "its answers were cut off"
    (said,) = [remark for remark in done.result["remarks"] if "20 answers to 20 prompts" in remark]
    assert "None of them was learned: 4 to held-out prompts judge the result, and 16" in said
    assert "always answering" in done.result["trivial"]["words"], "better needs a win over the most frequent answer"
    assert not (Path(order.staging) / learned.FOLDER).exists()


@pytest.mark.long
def test_methods_that_look_at_rows_find_prompts_alone(make_taught: MakeOrder, heard: Heard) -> None:
    order = make_taught(objective="distill_on_policy", init_lora_weights="eva", r=4, max_steps=1)
    assert isinstance(train.run(order, heard), Done)


@pytest.mark.long
@pytest.mark.parametrize("objective", ["distill_features", "distill_gold"])
def test_both_models_read_what_the_teacher_wrote(
    make_taught: MakeOrder, heard: Heard, objective: str, tmp_path: Path
) -> None:
    foreign = {"teacher": small_models.write("llama32", tmp_path / "foreign")} if objective == "distill_gold" else {}
    done = train.run(make_taught(objective=objective, learning_rate=1e-2, method="full", **foreign), heard)
    assert isinstance(done, Done)
    assert "letting the teacher answer" in [entered.stage for entered in heard.of(Entered)]
    assert heard.losses("held_out")[8] < heard.losses("held_out")[0]
    assert written_answers.OF_TEACHER in done.result["remarks"]


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
