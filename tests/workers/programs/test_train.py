"""Training jobs from order to sealed folder, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from conversations import Heard, colour_rows
from peft.tuners.tuners_utils import BaseTunerLayer

from storage import files
from storage.runs import row_outcomes
from storage.runs.row_outcomes import RowOutcomes
from templates import registry
from templates.errors import BadInput, StudioError
from templates.metrics import Metric
from workers import models
from workers.evaluation.generation import Interrupted
from workers.objectives import sft
from workers.programs import train
from workers.protocol import (
    Checkpointed,
    Done,
    Entered,
    Measured,
    ModelRef,
    Noted,
    Order,
    Planned,
    Report,
    Stop,
    Stopped,
)
from workers.training import callbacks, checkpoints, setups
from workers.training.task import read

MakeOrder = Callable[..., Order]


def test_a_lora_job_learns_and_stages(make_order: MakeOrder, heard: Heard) -> None:
    order = make_order().model_copy(update={"held_out_openings": 4})
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert (done.opened_held_out, done.result["opening"]) == (True, 5)
    assert heard.of(Planned) == [Planned(start_step=0, total_steps=8)]
    losses, held_out = heard.losses(), heard.losses("held_out")
    assert list(losses) == list(range(1, 9))
    assert sorted(held_out) == list(range(9))
    assert losses[8] < losses[1]
    assert held_out[8] < held_out[0]
    assert heard.of(Checkpointed)[-1].step == 8
    assert done.made.kind == "adapter"
    figures = {"steps", "planned_steps", "stopped", "trained_tokens", "tokens_per_s", "seconds", "peak_memory_bytes"}
    assert set(done.actual) == figures
    assert (done.actual["planned_steps"], done.actual["stopped"], done.result["stopped"]) == (8, False, None)
    assert set(done.actual["seconds"]) == {"preparing", "training", "evaluating", "publishing"}
    files.verify(Path(order.staging), done.made.manifest_sha256)
    last = heard.of(Measured)[-1]
    assert last.split == "train"
    assert last.values["tokens_per_s"] > 0
    assert last.values["memory_bytes"] > 0
    assert last.eta_s == 0
    shares = [note.data["done"] for note in heard.of(Noted) if note.kind == "evaluated"]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    kept = RowOutcomes.model_validate_json((Path(order.staging) / row_outcomes.FILE).read_bytes())
    right = [one for one in kept.right if one is not None]
    assert len(right) == done.result["n_answered"]
    assert sum(right) / len(right) == done.result["metrics"]["label_accuracy"]["adapted"]["value"]


def test_the_published_adapter_gives_the_verdicts_loss(make_order: MakeOrder, heard: Heard) -> None:
    order = make_order()
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert order.base
    ref = ModelRef(name="x", base_folder=order.base.base_folder, base_revision="1", adapter_folder=order.staging)
    model = models.load(ref, torch.device("cpu"))
    task = read(order)
    setup = train._set_up(task, heard)
    assert setup.held_out_loss
    assert setup.held_out_loss(model, lambda: False) == pytest.approx(
        done.result["metrics"]["loss"]["adapted"]["value"]
    )


def test_the_verdict_has_what_the_objective_measures(
    make_order: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = Metric("rewards/margins", "Reward margin", higher_is_better=False)
    learned = replace(registry.objective("sft"), metrics=(declared,))
    monkeypatch.setattr(registry, "objective", lambda _key: learned)
    asked: list[bool] = []

    def set_up(data: setups.TrainingData) -> setups.TrainingSetup:
        def measure(model: Any, _stopped: Callable[[], bool]) -> dict[str, Any]:
            adapted = any(layer.active_adapters and not layer.disable_adapters for layer in tuned(model))
            asked.append(adapted)
            return {declared.key: np.full(len(data.held_out), 1.0 if adapted else 3.0)}

        return replace(setups.next_token(data), measure_rows=measure)

    monkeypatch.setattr(sft, "set_up", set_up)
    done = train.run(make_order(), heard)
    assert isinstance(done, Done)
    assert asked == [False, True], "the base first, then the result"
    assert done.result["measures"] == {
        "rewards/margins": {
            "title": "Reward margin", "unit": "", "higher_is_better": False, "base": 3.0, "adapted": 1.0, "n": 12,
            "interval": {"value": -2.0, "low": -2.0, "high": -2.0}, "better": True,
        }
    }  # fmt: skip


def tuned(model: Any) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, BaseTunerLayer)]


def killed(order: Order, after: int) -> dict[int, float]:
    """Run until the checkpoint of a step, then die as under SIGKILL; returns the losses up to then."""

    def die(heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == after:
            raise KeyboardInterrupt

    heard = Heard(on_say=die)
    with pytest.raises(KeyboardInterrupt):
        train.run(order, heard)
    return heard.losses()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"lora_dropout": 0.1}, marks=pytest.mark.long),
        pytest.param({"lora_dropout": 0.1, "gradient_accumulation_steps": 3}, marks=pytest.mark.long),
        pytest.param({"init_lora_weights": "olora"}, marks=pytest.mark.long),
        {"method": "full", "learning_rate": 1e-3, "lr_scheduler_type": "cosine"},
    ],
)
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    make_order: MakeOrder, heard: Heard, settings: dict[str, Any]
) -> None:
    shared = {"max_steps": 20, "save_steps": 3, "eval_steps": 10, **settings}
    train.run(make_order(**shared), heard)
    whole = heard.losses()
    shutil.rmtree(make_order(**shared).checkpoints)

    before = killed(make_order(attempt=2, **shared), after=9)
    assert list(before) == list(range(1, 10))
    again = Heard()
    assert isinstance(train.run(make_order(attempt=3, **shared), again), Done)
    assert again.of(Planned) == [Planned(start_step=9, total_steps=20)]
    assert {**before, **again.losses()} == pytest.approx(whole, abs=1e-4)
    assert heard.losses("held_out")[20] == pytest.approx(again.losses("held_out")[20], abs=1e-4)
    assert 0 not in again.losses("held_out")


def test_a_damaged_checkpoint_is_passed_over_and_said(make_order: MakeOrder, heard: Heard) -> None:
    shared = {"save_steps": 2, "eval_steps": 100}
    killed(make_order(**shared), after=6)
    order = make_order(attempt=2, **shared)
    newest = Path(order.checkpoints) / "step-00000006"
    (newest / "optimizer.pt").write_bytes(b"")
    assert isinstance(train.run(order, heard), Done)
    assert heard.of(Planned)[0].start_step == 4
    assert heard.of(Noted)[0].kind == "checkpoint_damaged"


def test_a_job_killed_after_training_does_not_train_again(make_order: MakeOrder, heard: Heard) -> None:
    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Entered) and report.stage == "evaluating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.run(make_order(), Heard(on_say=die))
    done = train.run(make_order(attempt=2), heard)
    assert isinstance(done, Done)
    assert heard.of(Planned) == [Planned(start_step=8, total_steps=8)]
    assert heard.losses() == {}
    assert done.actual["steps"] == 8


def stop_at(step: int, how: str) -> Heard:
    """Asks to stop once a step's loss has been reported."""

    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Measured) and report.split == "train" and report.step == step:
            heard.stop = Stop(stop=how)  # type: ignore[arg-type]

    return Heard(on_say=ask)


def test_stop_and_keep_publishes_what_is_there(make_order: MakeOrder) -> None:
    heard = stop_at(3, "keep")
    done = train.run(make_order(), heard)
    assert isinstance(done, Done)
    assert list(heard.losses())[-1] == 4
    assert Noted(kind="stopped_early", data={"step": 4, "total_steps": 8}) in heard.said
    assert done.actual["steps"] == 4
    assert done.result["stopped"] == {"step": 4, "of": 8}
    assert "The training was stopped at 4 of 8 steps." in done.result["sentence"]
    assert done.result["what_would_help"].startswith("Finish the training")


def test_stop_and_discard_leaves_nothing_new(make_order: MakeOrder) -> None:
    heard = stop_at(3, "discard")
    order = make_order(save_steps=100)
    assert train.run(order, heard) == Stopped(why="discard")
    assert heard.of(Checkpointed) == []
    assert not Path(order.staging).exists()


def test_draining_checkpoints_first(make_order: MakeOrder, heard: Heard) -> None:
    draining = stop_at(3, "drain")
    assert train.run(make_order(save_steps=100), draining) == Stopped(why="drain")
    assert draining.of(Checkpointed) == [Checkpointed(step=4)]
    assert isinstance(train.run(make_order(attempt=2, save_steps=100), heard), Done)
    assert heard.of(Planned)[0].start_step == 4


def test_discarding_ends_an_evaluation(make_order: MakeOrder) -> None:
    def ask(heard: Heard, report: Report) -> None:
        if isinstance(report, Entered) and report.stage == "evaluating":
            heard.stop = Stop(stop="discard")

    with pytest.raises(Interrupted):
        train.run(make_order(), Heard(on_say=ask))


def test_a_diverged_run_ends_at_once_and_keeps_the_last_good_checkpoint(
    make_order: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "adapt", lambda model, *_: _poisoned(model))
    order = make_order(method="full", learning_rate=0.001, max_steps=200, save_steps=1, logging_steps=50)
    with pytest.raises(StudioError) as caught:
        train.run(order, heard)
    assert caught.value.code == "loss_not_finite"
    assert "0.0005" in (caught.value.problems[0].remedy or "")
    assert heard.of(Checkpointed)[-1] == Checkpointed(step=3)
    checkpoint, flaws = checkpoints.newest(Path(order.checkpoints))
    assert checkpoint
    assert (checkpoint.name, flaws) == ("step-00000003", [])


def _poisoned(model: torch.nn.Module) -> torch.nn.Module:
    """Its loss becomes infinite in the fourth update."""
    calls = 0

    def spoil(_module: Any, _args: Any, output: Any) -> Any:
        nonlocal calls
        calls += model.training
        if model.training and calls > 3:
            output.loss = output.loss * float("inf")
        return output

    model.register_forward_hook(spoil)
    return model


def test_rows_without_anything_to_learn_are_refused_and_counted(make_order: MakeOrder, heard: Heard) -> None:
    rows = colour_rows(40)
    rows[2]["text"] = "very " * 200
    order = make_order(rows=rows, max_length=48)
    assert isinstance(train.run(order, heard), Done)
    said = {note.kind: note.data for note in heard.of(Noted)}
    assert said["rows_refused"] == {"count": 1, "of": 32, "rows": [4]}
    assert said["rows_cut"]["rows"] == [4]
    for row in rows:
        row["text"] = "very " * 200
    with pytest.raises(BadInput) as caught:
        train.run(make_order(rows=rows, max_length=48, attempt=2), heard)
    assert caught.value.code == "nothing_to_learn"


def test_a_missing_base_or_dataset_is_named(make_order: MakeOrder, heard: Heard) -> None:
    order = make_order()
    Path(order.dataset_file).unlink()
    with pytest.raises(StudioError, match="dataset") as caught:
        train.run(order, heard)
    assert caught.value.code == "missing"


def test_all_weights_are_published_as_they_were_scored_in_the_stored_dtype(
    make_order: MakeOrder, heard: Heard, nano_folder: Path
) -> None:
    order = make_order(base=nano_folder, method="full", learning_rate=5e-4, max_steps=3, eval_rows=0)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert done.made.kind == "full_model"
    tensors = safetensors.torch.load_file(str(Path(order.staging) / "model.safetensors"))
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    setup = train._set_up(read(order), heard)
    assert setup.held_out_loss
    loss = setup.held_out_loss(models.load_base(order.staging), lambda: False)
    assert loss == pytest.approx(done.result["metrics"]["loss"]["adapted"]["value"], abs=1e-5)


@pytest.mark.long
def test_recomputing_activations_changes_nothing_but_memory(make_order: MakeOrder, heard: Heard) -> None:
    train.run(make_order(), heard)
    shutil.rmtree(make_order().checkpoints)
    again = Heard()
    train.run(make_order(attempt=2, gradient_checkpointing=True), again)
    assert again.losses() == pytest.approx(heard.losses(), abs=1e-5)


@pytest.mark.parametrize("quantization", [pytest.param("int8", marks=pytest.mark.long), "nf4"])
def test_lora_learns_on_a_quantized_base(
    make_order: MakeOrder, heard: Heard, nano_folder: Path, quantization: str
) -> None:
    order = make_order(
        base=nano_folder, quantization=quantization, learning_rate=3e-3, max_steps=12, eval_rows=0, eval_steps=12
    )
    assert isinstance(train.run(order, heard), Done)
    held_out = heard.losses("held_out")
    assert held_out[12] < 0.8 * held_out[0]


def test_plain_text_is_learned_whole(make_order: MakeOrder, heard: Heard) -> None:
    rows = [
        {"text": f"the wall is painted {'red' if i % 2 else 'blue'} " * 30, "held_out": i % 5 == 0, "source_row": i}
        for i in range(20)
    ]
    order = make_order(
        objective="continue_pretraining",
        shape="text",
        rows=rows,
        max_length=64,
        learning_rate=1e-2,
        num_train_epochs=1.0,
    )
    assert isinstance(train.run(order, heard), Done)
    assert heard.losses("held_out")[8] < heard.losses("held_out")[0]
    assert not [n for n in heard.of(Noted) if n.kind in ("rows_cut", "rows_refused")]


@pytest.mark.parametrize(("steps", "expected"), [(0.1, 5), (0.001, 1), (7, 7), (1, 1), (3.0, 3)])
def test_steps_below_one_are_a_share_of_the_run(steps: float, expected: int) -> None:
    assert callbacks.every(steps, 50) == expected


def choosing(make_order: MakeOrder, **settings: Any) -> Order:
    """An order whose training chooses the weights that it publishes."""
    shared = {"max_steps": 12, "eval_steps": 2, "save_steps": 3, "eval_rows": 0, "load_best_model_at_end": True}
    return make_order(**{**shared, **settings})


Weights = dict[str, torch.Tensor]


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Weights]]:
    """Lets the selection loss take these values one after the other; gives the weights that each was taken of."""

    def let(*losses: float) -> list[Weights]:
        coming, seen = iter(losses), list[Weights]()

        def measure(model: Any, _stopped: Callable[[], bool]) -> float:
            seen.append({n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad})
            return next(coming)

        def set_up(data: setups.TrainingData) -> setups.TrainingSetup:
            made = setups.next_token(data)
            return replace(made, selection_loss=measure if made.selection_loss else None)

        monkeypatch.setattr(sft, "set_up", set_up)
        return seen

    return let


def test_the_weights_with_the_lowest_selection_loss_are_published(
    make_order: MakeOrder, heard: Heard, measuring: Callable[..., list[Weights]]
) -> None:
    seen = measuring(3.0, 1.25, 2.0, float("nan"), 5.0, 6.0)
    order = choosing(make_order)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert {m.step: m.values for m in heard.of(Measured) if m.split == "selection"} == {
        2: {"loss": 3.0}, 4: {"loss": 1.25}, 6: {"loss": 2.0}, 8: {}, 10: {"loss": 5.0}, 12: {"loss": 6.0},
    }  # fmt: skip
    assert (done.actual["chosen_step"], done.actual["steps"]) == (4, 12)
    said = "The weights after step 4 of 12 were published: they had the lowest loss, 1.25, on 5 rows set apart"
    assert any(remark.startswith(said) for remark in done.result["remarks"])
    task = read(order)
    assert (len(task.train), len(task.selection), len(task.held_out)) == (43, 5, 12)
    published = safetensors.torch.load_file(str(Path(order.staging) / "adapter_model.safetensors"))
    for name, tensor in seen[1].items():
        assert torch.equal(published[name.replace(".default", "")], tensor)
    assert any(not torch.equal(seen[1][name], tensor) for name, tensor in seen[-1].items())


def test_the_selection_loss_is_measured_on_the_rows_set_apart(make_order: MakeOrder, heard: Heard) -> None:
    order = choosing(make_order, max_steps=3)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert list(heard.losses("selection")) == [2, 3]
    assert order.base
    ref = ModelRef(name="x", base_folder=order.base.base_folder, base_revision="1", adapter_folder=order.staging)
    setup = train._set_up(read(order), heard)
    assert setup.selection_loss
    lowest = setup.selection_loss(models.load(ref, torch.device("cpu")), lambda: False)
    assert lowest == pytest.approx(min(heard.losses("selection").values()), rel=1e-4)


def test_no_row_is_set_apart_unless_asked_for(make_order: MakeOrder) -> None:
    task = read(make_order())
    assert (len(task.train), task.selection, len(task.held_out)) == (48, [], 12)


def test_it_stops_when_the_selection_loss_no_longer_falls(
    make_order: MakeOrder, heard: Heard, measuring: Callable[..., list[Weights]]
) -> None:
    measuring(3.0, 2.0, 2.5, 2.25)
    done = train.run(choosing(make_order, load_best_model_at_end=False, early_stopping_patience=2), heard)
    assert isinstance(done, Done)
    assert Noted(kind="stopped_early", data={"step": 8, "total_steps": 12}) in heard.said
    assert (done.actual["chosen_step"], done.actual["steps"]) == (4, 8)


def test_a_killed_run_remembers_its_best_weights(
    make_order: MakeOrder, heard: Heard, measuring: Callable[..., list[Weights]]
) -> None:
    first = measuring(3.0, 1.0, 2.0, 4.0)
    order = choosing(make_order, early_stopping_patience=3)
    killed(order, after=9)
    measuring(5.0)
    done = train.run(choosing(make_order, early_stopping_patience=3, attempt=2), heard)
    assert isinstance(done, Done)
    assert heard.losses("selection") == {10: 5.0}, "the third in a row that is no lower"
    assert (done.actual["chosen_step"], done.actual["steps"]) == (4, 10)
    assert [path.name for path in Path(order.checkpoints).glob("best-*")] == ["best-00000004"]
    published = safetensors.torch.load_file(
        str(Path(order.staging).with_name("staging-2") / "adapter_model.safetensors")
    )
    assert all(torch.equal(published[name.replace(".default", "")], tensor) for name, tensor in first[1].items())


def test_what_is_kept_on_request_is_the_best_so_far(make_order: MakeOrder) -> None:
    heard = stop_at(4, "keep")
    done = train.run(choosing(make_order, eval_steps=100), heard)
    assert isinstance(done, Done)
    assert (done.actual["steps"], done.actual["chosen_step"]) == (5, 5)


def test_a_choice_needs_rows_to_choose_on(make_order: MakeOrder, heard: Heard) -> None:
    with pytest.raises(StudioError) as caught:
        train.run(choosing(make_order, rows=colour_rows(2, held_out_share=0.5)), heard)
    assert caught.value.code == "nothing_to_choose_on"
