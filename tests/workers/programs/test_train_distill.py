"""Distillation: the teacher reads the rows once, is gone before the student comes, and stands in the verdict."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard

from workers import run
from workers.evaluation import pace
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Entered, Noted, Order, Planned, Proceeded, Report, Stop, Stopped
from workers.training import judging
from workers.training.task import read
from workers.training.teachers import LoadedTeacher

MakeOrder = Callable[..., Order]


@pytest.fixture
def make_taught(make_order: MakeOrder, teacher_folder: Path) -> MakeOrder:
    def make(**settings: Any) -> Order:
        return make_order(objective="distill_logits", teacher=teacher_folder, **{"max_steps": 16, **settings})

    return make


def test_the_student_comes_nearer_to_its_teacher(make_taught: MakeOrder, heard: Heard) -> None:
    order = make_taught(eval_steps=16, learning_rate=2e-2, method="full", draws=200)  # a random teacher is flat
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


def test_a_later_job_finds_what_the_teacher_said(make_taught: MakeOrder, heard: Heard, tmp_path: Path) -> None:
    train.run(make_taught(), heard)
    first = [noted.data for noted in heard.of(Noted) if noted.kind == "teacher_kept"]
    again = Heard()
    train.run(make_taught(attempt=2, learning_rate=1e-4, max_steps=2), again)
    second = [noted.data for noted in again.of(Noted) if noted.kind == "teacher_kept"]
    assert first[0]["read_now"]
    assert second == [{**first[0], "read_now": False}]
    assert (tmp_path / "teachers" / first[0]["key"]).is_dir()


@pytest.mark.parametrize("cache", ["top_k", pytest.param("full", marks=pytest.mark.long)])
def test_every_form_and_divergence_teaches(make_taught: MakeOrder, heard: Heard, cache: str) -> None:
    divergence = {"top_k": "skew_forward", "full": "reverse_kl"}[cache]
    order = make_taught(
        teacher_cache=cache, divergence=divergence, ce_share=0.2, temperature=1.5, learning_rate=1e-2, method="full"
    )
    train.run(order, heard)
    losses = heard.losses()
    assert losses[16] < losses[1]


def test_a_drained_worker_stops_the_reading(make_taught: MakeOrder) -> None:
    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Proceeded):
            heard.stop = Stop(stop="drain")

    heard = Heard(on_say=ask)
    assert run.attempt(make_taught(), heard) == Stopped(why="drain")  # type: ignore[arg-type]
    assert not heard.of(Planned)


@pytest.mark.long
def test_a_killed_training_goes_on_with_the_same_teacher(make_taught: MakeOrder, heard: Heard) -> None:
    train.run(make_taught(save_steps=4), heard)
    order = make_taught(save_steps=4)
    shutil.rmtree(order.checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.run(make_taught(attempt=2, save_steps=4), Heard(on_say=die))
    again = Heard()
    done = train.run(make_taught(attempt=3, save_steps=4), again)
    assert isinstance(done, Done)
    assert again.of(Planned)[0].start_step == 8
    assert {step: loss for step, loss in heard.losses().items() if step > 8} == pytest.approx(again.losses(), abs=1e-5)
    assert not any(noted.data["read_now"] for noted in again.of(Noted) if noted.kind == "teacher_kept")


@pytest.mark.long
def test_the_weights_can_be_chosen_on_the_selection_side(make_taught: MakeOrder, heard: Heard) -> None:
    done = train.run(make_taught(load_best_model_at_end=True, eval_steps=4), heard)
    assert isinstance(done, Done)
    assert heard.losses("selection")
    assert "chosen_step" in done.actual


def test_the_teachers_scores_survive_a_kill(make_taught: MakeOrder, teacher_folder: Path) -> None:
    order = make_taught()
    assert isinstance(order, TrainingOrder)
    task, channel = read(order), Heard()
    teacher = LoadedTeacher(order)
    Path(order.checkpoints).mkdir(parents=True)
    found = teacher.scores(lambda model: judging.score_teacher(task, model, channel))
    kept = teacher.scores(lambda _model: pytest.fail("it was scored before"))
    took = teacher.pass_seconds(lambda model: pace.pass_seconds(model, judging.context_length(task)))
    assert teacher.pass_seconds(lambda _model: pytest.fail("it was timed before")) == took > 0
    assert kept.answers == found.answers
    assert kept.source_rows == found.source_rows
    assert kept.nll.tolist() == found.nll.tolist()
    assert kept.n_tokens.tolist() == found.n_tokens.tolist()
    assert teacher_folder.exists()


@pytest.mark.long
@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_a_quantized_student_learns_from_its_teacher(make_taught: MakeOrder, heard: Heard, quantization: str) -> None:
    done = train.run(make_taught(quantization=quantization, learning_rate=1e-2, max_steps=40, eval_steps=40), heard)
    assert isinstance(done, Done)
    assert heard.losses("held_out")[40] < heard.losses("held_out")[0] - 0.03
    assert done.result["measures"]["teacher_distance"]["better"]


@pytest.mark.long
def test_a_quantized_teacher_reads_in_that_precision(make_taught: MakeOrder, heard: Heard, tmp_path: Path) -> None:
    train.run(make_taught(teacher_quantization="nf4", max_steps=2), heard)
    train.run(make_taught(attempt=2, max_steps=2), again := Heard())
    keys = [noted.data["key"] for said in (heard, again) for noted in said.of(Noted) if noted.kind == "teacher_kept"]
    assert len(set(keys)) == 2
    assert all((tmp_path / "teachers" / key).is_dir() for key in keys)
