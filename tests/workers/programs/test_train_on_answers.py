"""Distillation by text: the teacher answers, filters drop, the student learns the rest, and all of it is kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard, colour_rows

from storage.data import row_files
from storage.data.answers import learned
from storage.data.answers.answer_filter import filters
from templates import filter_settings
from templates.errors import StudioError
from templates.objectives.distill_text import DistillTextParams
from tests.contracts import small_models
from workers import models, run
from workers.distillation import written_answers
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Done, Entered, Order, Planned, Proceeded, Report, Stop, Stopped
from workers.stages import Watch
from workers.training.judging import READ_PART, score_teacher
from workers.training.task import Task, read
from workers.training.teachers import LoadedTeacher

MakeOrder = Callable[..., TrainingOrder]
PLAIN: dict[str, Any] = {"filters": [], "max_new_tokens": 6, "max_steps": 4}


@pytest.fixture
def make_taught(make_order: MakeOrder, teacher_folder: Path) -> MakeOrder:
    def make(**settings: Any) -> TrainingOrder:
        given = {"objective": "distill_text", "teacher": teacher_folder, **PLAIN, **settings}
        return make_order(**given)

    return make


def with_rows(order: TrainingOrder, heard: Heard | None = None) -> Task:
    task = read(order)
    watch = Watch(heard or Heard()).of(0.0, READ_PART)
    return written_answers.with_rows(task, LoadedTeacher(order), watch)


def test_the_declared_filters_are_all_there_are() -> None:
    assert DistillTextParams(num_return_sequences=2, teacher_temperature=1, filters=list(filters()))
    assert {"cut_off", "refusals", "exact_duplicates"} == set(DistillTextParams().filters)
    settings = {key: one.params for key, one in filters().items() if one.params.model_fields}
    assert settings == {key: one.params for key, one in filter_settings.by_filter().items()}


def test_a_filter_gets_its_settings(make_taught: MakeOrder) -> None:
    lengths = sorted(len(row["label"]) for row in with_rows(make_taught()).train)
    most = lengths[len(lengths) // 2]
    task = with_rows(make_taught(filters=["length"], max_characters=most))
    assert max(len(row["label"]) for row in task.train) == most < lengths[-1]
    kept = task.files[f"{learned.FOLDER}/{learned.DATASET}"]
    told = json.loads(kept.read_bytes())
    dropped = [json.loads(line) for line in (kept.parent / told["dropped_file"]).read_text("utf-8").splitlines()]
    assert f"1 to {most} are allowed" in " ".join(one["reason"] for one in dropped)


def test_the_student_learns_what_the_teacher_says(make_taught: MakeOrder, heard: Heard) -> None:
    order = make_taught(learning_rate=2e-2, max_steps=12, method="full", rows=colour_rows(30))
    done = train.run(order, heard)
    assert isinstance(done, Done)
    stages = [entered.stage for entered in heard.of(Entered)]
    assert stages == ["preparing", "letting the teacher answer", "training", "evaluating", "publishing"]
    losses = heard.losses()
    assert losses[12] < 0.9 * losses[1]
    (said,) = [remark for remark in done.result["remarks"] if "gave" in remark]
    assert "30 prompts; none was dropped" in said or "were dropped" in said
    assert done.result["teacher"]["name"] == "big"
    assert not {"loss", "perplexity"} & set(done.result["teacher"]["metrics"])
    kept = Path(order.staging) / learned.FOLDER
    told = json.loads((kept / learned.DATASET).read_bytes())
    rows = row_files.read(kept / told["file"])
    assert len(rows) == told["n_rows"]
    assert told["teacher"]["name"] == "big"
    assert any(row["held_out"] for row in rows)


def test_training_rows_get_the_answers_and_held_out_rows_keep_their_own(make_taught: MakeOrder) -> None:
    order = make_taught(num_return_sequences=2, teacher_temperature=1.0)
    before, task = read(order), with_rows(make_taught(num_return_sequences=2, teacher_temperature=1.0))
    assert task.held_out == before.held_out
    texts = {row["source_row"]: row["text"] for row in before.train}
    assert len(task.train) > len(before.train)
    assert all(row["text"] == texts[row["source_row"]] for row in task.train)
    assert {row["label"] for row in task.train}.isdisjoint({row["label"] for row in before.train})
    folder = Path(order.checkpoints) / written_answers.MADE
    answered = {row["prompt"] for row in row_files.read(folder / "rows.parquet", held_out=True)}
    assert answered <= {row["text"] for row in before.held_out}


def test_conversations_keep_their_earlier_turns(make_taught: MakeOrder) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"hi {n}"},
                {"role": "assistant", "content": "hello"},
                {"role": "user", "content": "and now?"},
                {"role": "assistant", "content": "this is not learned"},
            ],
            "tools": None,
            "held_out": n % 5 == 0,
            "source_row": n + 2,
        }
        for n in range(10)
    ]
    task = with_rows(make_taught(shape="messages", rows=rows))
    assert task.train
    for row in task.train:
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant", "user", "assistant"]
        assert row["messages"][1]["content"] == "hello"
        assert row["messages"][-1]["content"] != "this is not learned"


def bare_prompts() -> list[dict[str, Any]]:
    return [
        {
            "prompt": [{"role": "user", "content": row["text"]}],
            "system": None,
            "tools": None,
            "held_out": row["held_out"],
            "source_row": row["source_row"],
        }
        for row in colour_rows(20)
    ]


def test_prompts_alone_are_judged_on_the_teachers_answers(make_taught: MakeOrder) -> None:
    rows = bare_prompts()
    task = with_rows(make_taught(shape="prompt_only", rows=rows, num_return_sequences=2, teacher_temperature=1.0))
    assert task.order.shape == "prompt_completion"
    assert [row["source_row"] for row in task.held_out] == [row["source_row"] for row in rows if row["held_out"]]
    assert all(row["completion"] for row in (*task.train, *task.held_out))
    assert len(task.train) > sum(not row["held_out"] for row in rows)
    assert written_answers.OF_TEACHER in task.remarks


@pytest.mark.long
def test_a_training_on_prompts_alone_ends_with_a_verdict(make_taught: MakeOrder, heard: Heard) -> None:
    done = train.run(make_taught(shape="prompt_only", rows=bare_prompts()), heard)
    assert isinstance(done, Done)
    assert written_answers.OF_TEACHER in done.result["remarks"]
    assert {"chrf", "exact_match"} & set(done.result["metrics"])


def test_dropped_answers_are_kept_with_their_reason(make_taught: MakeOrder) -> None:
    order = make_taught(
        filters=["near_duplicates"], num_return_sequences=8, teacher_temperature=0.01, rows=colour_rows(12)
    )
    task = with_rows(order)
    kept = task.files[f"{learned.FOLDER}/{learned.DATASET}"]
    told = json.loads(kept.read_bytes())
    dropped = [json.loads(line) for line in (kept.parent / told["dropped_file"]).read_text("utf-8").splitlines()]
    assert len(dropped) + told["n_rows"] == 8 * 12
    assert all(one["reason"] and one["filter"] in ("near_duplicates", "empty") for one in dropped)
    assert f"{len(dropped):,} were dropped" in task.remarks[0]


def test_filters_that_drop_everything_end_the_job_with_the_reason(make_taught: MakeOrder) -> None:
    with pytest.raises(StudioError) as raised:
        with_rows(make_taught(filters=["same_text"]))
    assert raised.value.code == "all_dropped"


def test_a_killed_job_asks_nothing_twice(make_taught: MakeOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = with_rows(make_taught(teacher_temperature=1.0))
    order = make_taught(teacher_temperature=1.0)
    sealed = sorted((Path(order.checkpoints) / written_answers.ANSWERS).iterdir())
    assert len(sealed) > 1
    sealed[-1].unlink()  # the kill came before the last group
    asked: list[int] = []
    answer = written_answers.ModelTeacher._answer_group
    monkeypatch.setattr(
        written_answers.ModelTeacher,
        "_answer_group",
        lambda self, model, number, *rest: asked.append(number) or answer(self, model, number, *rest),
    )
    again = with_rows(order)
    assert asked == [len(sealed) - 1]
    assert again.train == whole.train
    monkeypatch.setattr(models, "load", lambda *_, **__: pytest.fail("all its answers are there"))
    assert with_rows(order).train == whole.train


def test_a_drained_worker_stops_the_answering(make_taught: MakeOrder) -> None:
    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Proceeded):
            heard.stop = Stop(stop="drain")

    heard = Heard(on_say=ask)
    order: Order = make_taught()
    assert run.attempt(order, heard) == Stopped(why="drain")  # type: ignore[arg-type]
    assert not heard.of(Planned)


@pytest.mark.long
def test_a_teacher_with_other_tokens_teaches(make_order: MakeOrder, heard: Heard, tmp_path: Path) -> None:
    foreign = small_models.write("qwen3", tmp_path / "foreign")
    order = make_order(objective="distill_text", teacher=foreign, rows=colour_rows(20), **PLAIN)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    teacher = LoadedTeacher(order)
    assert teacher.model().config.vocab_size != order.facts.vocab_size
    scores = score_teacher(read(order), teacher.model(), heard)
    assert all(answer.expected for answer in scores.answers)
