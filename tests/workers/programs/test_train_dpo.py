"""Training on preferences: TRL's loss on exactly the tokens of the preview, with the base as its reference."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard
from preference_rows import pairs

from storage.rendering.rendered_rows import rendered
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput
from templates.recipe import compose
from workers import models
from workers.programs import train
from workers.protocol import Checkpointed, Done, Measured, Order, Planned, Report, Stop, Stopped
from workers.training.task import read

MakeOrder = Callable[..., Order]


@pytest.fixture
def make_pairs_order(make_order: MakeOrder, tmp_path: Path) -> MakeOrder:
    """Orders to learn preferences on the tiny model."""

    def make(**settings: Any) -> Order:
        settings = {"learning_rate": 1e-2, "eval_steps": 4, "max_length": 64, **settings}
        return make_order(objective="dpo", shape="preference", rows=pairs(tmp_path), **settings)

    return make


def test_a_job_learns_to_prefer(make_pairs_order: MakeOrder, heard: Heard, nano_folder: Path) -> None:
    order = make_pairs_order(base=nano_folder, max_steps=16, learning_rate=3e-3, eval_steps=16)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    held_out = heard.losses("held_out")
    assert held_out[16] < held_out[0]
    assert done.result["headline"] == "preference_accuracy"
    preferred = done.result["metrics"]["preference_accuracy"]
    assert preferred["adapted"]["value"] == 1.0
    assert preferred["adapted"]["value"] >= preferred["base"]["value"]
    assert "Preference accuracy" in done.result["sentence"]
    folder = Path(order.staging)
    assert (folder / "adapter_model.safetensors").is_file()
    assert not (folder / "ref").exists(), "TRL's copy for the reference is not part of the result"


def test_what_was_shown_is_what_is_learned(make_pairs_order: MakeOrder, heard: Heard) -> None:
    task = read(make_pairs_order())
    setup = train._set_up(task, heard)
    model = models.adapt(models.load_base(task.order.base.base_folder), task.recipe)
    trainer = setup.trainer(model, Path(task.order.checkpoints) / "draft")
    views = registry.objective("dpo").views
    shown = [
        (example.ids, example.trained)
        for row in rendered(task.renderer, "preference", task.train, max_length=64, trains_prompt=False, views=views)
        for example in row.examples
    ]
    batch = trainer.data_collator([trainer.train_dataset[0]])
    for ids, mask, learned in zip(*(batch[k].tolist() for k in batch), strict=True):
        n_tokens = sum(mask)
        assert (ids[:n_tokens], [bool(one) for one in learned[:n_tokens]]) in shown
        assert not any(learned[n_tokens:])


@pytest.mark.long
def test_the_first_loss_is_that_of_an_untouched_base(make_pairs_order: MakeOrder, heard: Heard) -> None:
    """Before any update model and reference agree, so that equation 7 is ln 2 whatever the pairs are."""
    train.run(make_pairs_order(loss_type=["sigmoid"], loss_weights=[1.0], lora_dropout=0.0), heard)
    assert heard.losses("held_out")[0] == pytest.approx(math.log(2), abs=1e-5)
    assert heard.losses()[1] == pytest.approx(math.log(2), abs=1e-5)


@pytest.mark.long
def test_the_reference_read_before_training_gives_the_same_losses(make_pairs_order: MakeOrder, heard: Heard) -> None:
    train.run(make_pairs_order(), heard)
    shutil.rmtree(make_pairs_order().checkpoints)
    again = Heard()
    train.run(make_pairs_order(precompute_ref_log_probs=True, attempt=2), again)
    assert again.losses() == pytest.approx(heard.losses(), abs=1e-4)
    assert again.losses("held_out") == pytest.approx(heard.losses("held_out"), abs=1e-4)


@pytest.mark.long
def test_a_killed_run_goes_on_as_if_nothing_had_happened(make_pairs_order: MakeOrder, heard: Heard) -> None:
    shared = {"save_steps": 2, "eval_steps": 4}
    train.run(make_pairs_order(**shared), heard)
    shutil.rmtree(make_pairs_order().checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(make_pairs_order(attempt=2, **shared), before)
    assert isinstance(train.run(make_pairs_order(attempt=3, **shared), again), Done)
    assert again.of(Planned) == [Planned(start_step=4, total_steps=8)]
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-4)
    assert again.losses("held_out")[8] == pytest.approx(heard.losses("held_out")[8], abs=1e-4)


@pytest.mark.long
def test_it_stops_when_told(make_pairs_order: MakeOrder) -> None:
    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Measured) and report.split == "train" and report.step == 2:
            heard.stop = Stop(stop="discard")

    assert train.run(make_pairs_order(), Heard(on_say=ask)) == Stopped(why="discard")


@pytest.mark.long
@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_it_learns_on_a_quantized_base(
    make_pairs_order: MakeOrder, heard: Heard, nano_folder: Path, quantization: str
) -> None:
    order = make_pairs_order(base=nano_folder, quantization=quantization, learning_rate=3e-3, eval_rows=0)
    assert isinstance(train.run(order, heard), Done)
    assert heard.losses("held_out")[8] < heard.losses("held_out")[0]


def test_a_pair_whose_answers_are_cut_alike_is_refused(tiny_model_folder: Path, tmp_path: Path) -> None:
    row = {**pairs(tmp_path)[0], "chosen": "yes " * 40 + "a", "rejected": "yes " * 40 + "b"}
    views = registry.objective("dpo").views
    renderer = Renderer(tiny_model_folder)
    (made,) = rendered(renderer, "preference", [row], max_length=32, trains_prompt=False, views=views)
    assert made.refusal == "its answers are the same within the maximum row length of 32 tokens"
    (short,) = rendered(renderer, "preference", [row], max_length=4, trains_prompt=False, views=views)
    assert "the answer starts beyond" in str(short.refusal)


@pytest.mark.parametrize("method", ["full", "from_scratch"])
def test_a_method_that_changes_the_base_is_refused_in_words(method: str) -> None:
    with pytest.raises(BadInput) as caught:
        compose("dpo", method)
    said = str(caught.value)
    assert "compares with the untouched base" in said
    assert "lora" in said


def test_a_start_that_moves_the_base_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match="init_lora_weights"):
        compose("dpo", "lora", settings={"init_lora_weights": "pissa"})


def test_losses_and_weights_belong_together() -> None:
    with pytest.raises(BadInput, match="one weight per loss"):
        compose("dpo", "lora", settings={"loss_type": ["sigmoid"]})
    with pytest.raises(BadInput, match="twice"):
        compose("dpo", "lora", settings={"loss_type": ["sft", "sft"]})
