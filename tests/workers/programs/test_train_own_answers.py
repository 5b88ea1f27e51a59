"""Distillation on the student's own answers: by another model, and by the model itself shown the row's answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard
from transformers import set_seed

from storage.rendering.renderer import Renderer
from templates import capabilities, registry
from templates.errors import BadInput
from workers import models
from workers.distillation import own_answers
from workers.distillation.own_answers import Teaching
from workers.distillation.prompts import Prompt
from workers.objectives import self_distill
from workers.programs import train
from workers.protocol import Checkpointed, Done, Measured, Order, Report

MakeOrder = Callable[..., Order]
SHORT = {"max_completion_length": 6, "mask_truncated_completions": False, "max_steps": 12, "eval_steps": 12}


@pytest.fixture
def make_tried(make_order: MakeOrder, teacher_folder: Path) -> MakeOrder:
    def make(**settings: Any) -> Order:
        return make_order(objective="distill_on_policy", teacher=teacher_folder, **{**SHORT, **settings})

    return make


def test_the_student_comes_nearer_on_its_own_answers(make_tried: MakeOrder, heard: Heard) -> None:
    done = train.run(make_tried(learning_rate=1e-2, method="full"), heard)
    assert isinstance(done, Done)
    assert heard.losses("held_out")[12] < 0.9 * heard.losses("held_out")[0]
    distance = done.result["measures"]["teacher_distance"]
    assert distance["adapted"] < 0.9 * distance["base"]
    assert done.result["teacher"]["name"] == "big"
    points = [one for one in heard.of(Measured) if one.split == "train"]
    assert points[-1].values["completions/mean_length"] == 6
    assert points[-1].values["completions/clipped_ratio"] == 1, "a random model does not end its answers"


def test_cut_answers_teach_nothing_unless_you_say_so(make_tried: MakeOrder, heard: Heard) -> None:
    before = {name: value.clone() for name, value in _student(make_tried()).state_dict().items()}
    order = make_tried(mask_truncated_completions=True, method="full", max_steps=2)
    assert isinstance(train.run(order, heard), Done)
    after = models.load_base(order.staging).state_dict()
    assert all(torch.equal(value, after[name].float()) for name, value in before.items()), "every answer was cut off"


@pytest.mark.long
def test_a_killed_run_goes_on_with_the_same_draws(make_tried: MakeOrder, heard: Heard) -> None:
    shared = {"max_steps": 10, "save_steps": 3, "eval_steps": 10}
    train.run(make_tried(**shared), heard)
    shutil.rmtree(make_tried().checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 6:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(make_tried(**shared), before)
    assert isinstance(train.run(make_tried(attempt=2, **shared), again), Done)
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-5)


def _student(order: Order) -> Any:
    return models.load_base(order.base.base_folder)  # type: ignore[attr-defined]


def test_answers_cover_the_same_tokens_whatever_the_teacher_is_shown(tiny_model_folder: Path) -> None:
    model, params = models.load_base(tiny_model_folder), registry.objective("distill_on_policy").params(**SHORT)
    set_seed(3)
    teaching = Teaching(params, nullcontext, None, [0])
    asked = [Prompt([5, 6, 7], [5, 9, 9, 9, 6, 7], 0), Prompt([8, 9], [8, 9], 1)]
    written = teaching.written(model, asked, lambda: False)
    for student, teacher in zip(written.of_student, written.of_teacher, strict=True):
        assert student.ids[-student.n_trained :] == teacher.ids[-teacher.n_trained :]
    distances = teaching.distances(model, written)
    assert distances.shape == (sum(one.n_trained for one in written.of_student),)
    same = written.of_student[1].n_trained
    assert torch.allclose(distances[-same:], torch.zeros(same), atol=1e-5), "with the same prompt it agrees with itself"
    assert distances[:-same].max() > 1e-4, "with another prompt it does not"


def test_the_model_teaches_itself_with_the_answer_in_its_prompt(
    make_order: MakeOrder, heard: Heard, teacher_folder: Path, tiny_model_folder: Path
) -> None:
    sharp = {"base": teacher_folder, "divergence": "forward_kl", "learning_rate": 5e-3, "max_steps": 24}
    order = make_order(objective="self_distill", method="lora", **{**SHORT, **sharp})
    done = train.run(order, heard)
    assert isinstance(done, Done)
    distance = done.result["measures"]["teacher_distance"]
    assert distance["adapted"] < distance["base"]
    assert done.result.get("teacher") is None
    turns = [{"role": "user", "content": "Where is it?"}]
    told = self_distill.with_answer(turns, "In the box.")
    assert turns[0]["content"] == "Where is it?"
    assert "In the box." in Renderer(tiny_model_folder).decode_all(Renderer(tiny_model_folder).prompt(told))


def test_itself_can_teach_only_while_the_base_stays_behind() -> None:
    said = capabilities.refusals(registry.objective("self_distill"), registry.method("full"), "none", None)
    assert said
    assert "untouched base" in said[0].message


def test_no_prompt_fits(make_tried: MakeOrder, heard: Heard) -> None:
    with pytest.raises(BadInput, match="prompt of at most 8 tokens"):
        train.run(make_tried(max_length=8), heard)


def test_the_rows_that_are_not_measured_are_not_invented(tiny_model_folder: Path) -> None:
    model, params = models.load_base(tiny_model_folder), registry.objective("distill_on_policy").params(**SHORT)
    masked = params.model_copy(update={"mask_truncated_completions": True})
    teaching = Teaching(masked, nullcontext, None, [0])
    found = own_answers._of_rows(teaching, model, [Prompt([5, 6], [5, 6], 1)], 3, lambda: False)
    assert all(map(torch.isnan, torch.tensor(found)))
