"""Distillation from a teacher with other tokens, from the order to the verdict."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard, colour_rows

from templates.errors import BadInput
from tests.contracts import small_models
from workers.distillation import answers_in_two
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Entered, Report

MakeOrder = Callable[..., TrainingOrder]


@pytest.fixture
def make_taught(make_order: MakeOrder, tmp_path: Path) -> MakeOrder:
    foreign = small_models.write("llama32", tmp_path / "foreign")

    def make(**settings: Any) -> TrainingOrder:
        given = {"max_steps": 12, "eval_steps": 12, "learning_rate": 1e-2, "method": "full", **settings}
        return make_order(objective="distill_gold", teacher=foreign, rows=colour_rows(30), **given)

    return make


def test_the_student_comes_nearer_to_a_teacher_with_other_tokens(make_taught: MakeOrder, heard: Heard) -> None:
    done = train.run(make_taught(), heard)
    assert isinstance(done, Done)
    stages = [entered.stage for entered in heard.of(Entered)]
    assert stages == ["preparing", "training", "evaluating", "publishing"]
    assert heard.losses()[12] < 0.8 * heard.losses()[1]
    assert heard.losses("held_out")[12] < 0.8 * heard.losses("held_out")[0]
    distance = done.result["measures"]["teacher_distance"]
    assert distance["adapted"] < 0.8 * distance["base"]
    assert distance["better"]
    assert done.result["teacher"]["name"] == "big"
    assert not {"loss", "perplexity"} & set(done.result["teacher"]["metrics"]), "losses of other tokens don't compare"


@pytest.mark.long
def test_rows_that_can_t_be_compared_are_counted_or_refused(
    make_taught: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = answers_in_two._alike
    monkeypatch.setattr(
        answers_in_two, "_alike", lambda ours, theirs: [] if ours[0].text == "red" else alike(ours, theirs)
    )
    done = train.run(make_taught(max_steps=1), heard)
    assert isinstance(done, Done)
    (said,) = [remark for remark in done.result["remarks"] if "could not be compared" in remark]
    assert "write their answers differently" in said
    monkeypatch.setattr(answers_in_two, "_alike", lambda _ours, _theirs: [])
    with pytest.raises(BadInput, match="differently") as raised:
        train.run(make_taught(attempt=2), heard)
    assert "distill_text" in str(raised.value.problems[0].remedy)


@pytest.mark.long
@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_a_quantized_student_comes_nearer_with_the_best_weights(
    make_taught: MakeOrder, heard: Heard, quantization: str
) -> None:
    done = train.run(
        make_taught(method="lora", quantization=quantization, max_steps=30, load_best_model_at_end=True), heard
    )
    assert isinstance(done, Done)
    assert heard.losses("selection")
    distance = done.result["measures"]["teacher_distance"]
    assert distance["adapted"] < distance["base"]
    assert distance["better"]


@pytest.mark.long
@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_a_quantized_student_learns_the_rows_own_answers_too(
    make_taught: MakeOrder, heard: Heard, quantization: str
) -> None:
    """These answers pull away from a teacher that was never trained, so the loss falls and the distance needn't."""
    train.run(make_taught(method="lora", quantization=quantization, max_steps=30, ce_share=0.3), heard)
    held_out = heard.losses("held_out")
    assert held_out[30] < 0.95 * held_out[0]


@pytest.mark.long
def test_a_killed_training_goes_on(make_taught: MakeOrder, heard: Heard) -> None:
    shared = {"max_steps": 8, "save_steps": 2, "eval_steps": 8}
    train.run(make_taught(**shared), heard)
    shutil.rmtree(make_taught().checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(make_taught(**shared), before)
    assert isinstance(train.run(make_taught(attempt=2, **shared), again), Done)
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-5)
