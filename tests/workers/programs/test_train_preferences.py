"""Training on judged answers with ORPO, SimPO and KTO, from the rows to the verdict."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from conversations import Heard
from preference_rows import pairs

from storage.data import row_files
from templates import registry
from templates.errors import BadInput
from workers import models
from workers.evaluation.losses import losses
from workers.programs import train
from workers.protocol import Checkpointed, Done, Order, Planned, Report
from workers.training.task import read

MakeOrder = Callable[..., Order]
WITHOUT_REFERENCE = ("orpo", "simpo")


def judgements(
    folder: Path, n_rows: int = 40, good: Callable[[int], bool] = lambda n: n % 2 == 0
) -> list[dict[str, Any]]:
    """Prompts with one answer each, friendly if it is good; every fifth is held out."""
    made = [
        {
            "prompt": [{"role": "user", "content": f"say {n}"}],
            "completion": f"yes {n}" if good(n) else f"no {n}",
            "label": good(n),
        }
        for n in range(n_rows)
    ]
    shape = registry.shape("unpaired_preference")
    row_files.write(
        folder / "judged", shape, row_files.batches(shape, enumerate(made, 2)), [n % 5 == 1 for n in range(n_rows)]
    )
    return list(pq.read_table(folder / "judged").to_pylist())


@pytest.fixture
def ordered(make_order: MakeOrder, tmp_path: Path) -> MakeOrder:
    """Orders to learn preferences on the tiny model."""

    def make(objective: str, shape: str = "preference", **settings: Any) -> Order:
        rows = settings.pop("rows", None) or (pairs(tmp_path) if shape == "preference" else judgements(tmp_path))
        settings = {"learning_rate": 1e-2, "eval_steps": 4, "max_length": 64, **settings}
        return make_order(objective=objective, shape=shape, rows=rows, **settings)

    return make


def _set_up(order: Order, heard: Heard) -> tuple[Any, Any]:
    """A trainer, and its untouched model in eval mode."""
    task = read(order)  # type: ignore[arg-type]
    setup = train._set_up(task, heard)
    model = models.adapt(models.load_base(task.order.base.base_folder), task.recipe)
    return setup.trainer(model, Path(task.order.checkpoints) / "draft"), model.eval()


def test_orpo_learns_the_chosen_answers_and_no_prompt(ordered: MakeOrder, heard: Heard) -> None:
    """Its loss is the mean loss of the chosen answers' tokens plus what the ratio of the odds says (equation 6)."""
    trainer, model = _set_up(ordered("orpo"), heard)
    some = trainer.train_dataset[0]
    found = trainer.mean_loss(some, len(some), lambda: False)
    sides = [
        [[(side.ids, side.trained)] for side in each] for each in ([p.chosen for p in some], [p.rejected for p in some])
    ]
    (chosen, n_chosen), (rejected, n_rejected) = (losses(model, side) for side in sides)
    log_p = -chosen / n_chosen, -rejected / n_rejected
    odds = [np.log(np.exp(p) / (1 - np.exp(p))) for p in log_p]
    expected = chosen.sum() / n_chosen.sum() + 0.1 * np.log1p(np.exp(-(odds[0] - odds[1]))).mean()
    assert found == pytest.approx(expected, rel=1e-4)


def test_simpo_compares_means_over_tokens(ordered: MakeOrder, heard: Heard) -> None:
    """Equation 6 of the paper, without the chosen answers' own likelihood."""
    trainer, model = _set_up(ordered("simpo", beta=2.5, simpo_gamma=1.0, cpo_alpha=0.0), heard)
    some = trainer.train_dataset[0]
    found = trainer.mean_loss(some, len(some), lambda: False)
    sides = [
        [[(side.ids, side.trained)] for side in each] for each in ([p.chosen for p in some], [p.rejected for p in some])
    ]
    (chosen, n_chosen), (rejected, n_rejected) = (losses(model, side) for side in sides)
    margin = 2.5 * (rejected / n_rejected - chosen / n_chosen) - 1.0
    assert found == pytest.approx(np.log1p(np.exp(-margin)).mean(), rel=1e-4)


def test_kto_starts_from_the_base(ordered: MakeOrder, heard: Heard) -> None:
    """Before any update model and reference agree, so that each answer's loss is half its weight."""
    trainer, _ = _set_up(ordered("kto", "unpaired_preference", lora_dropout=0.0), heard)
    some = trainer.train_dataset[0]
    assert {one.wanted for one in some} == {True, False}
    weights = [trainer.desirable_weight if one.wanted else trainer.undesirable_weight for one in some]
    assert trainer.mean_loss(some, len(some), lambda: False) == pytest.approx(0.5 * np.mean(weights), abs=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("objective", ["orpo", "simpo", "kto"])
def test_a_job_learns_to_prefer(ordered: MakeOrder, heard: Heard, nano_folder: Path, objective: str) -> None:
    order = ordered(objective, base=nano_folder, max_steps=16, learning_rate=3e-3, eval_steps=16)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    held_out = heard.losses("held_out")
    assert held_out[16] < held_out[0]
    assert done.result["headline"] == "preference_accuracy"
    assert done.result["metrics"]["preference_accuracy"]["adapted"]["value"] == 1.0
    assert done.result["measures"]["preference_margin"]["better"] is True
    assert done.result["wins"]["n"] == 4
    assert "Its answers win over those of the base" in done.result["sentence"]
    assert not (Path(order.staging) / "ref").exists()


@pytest.mark.long
def test_single_judgements_have_a_verdict(ordered: MakeOrder, heard: Heard, nano_folder: Path) -> None:
    order = ordered("kto", "unpaired_preference", base=nano_folder, max_steps=16, learning_rate=3e-3, eval_rows=8)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert done.result["headline"] == "judgement_ranking"
    assert done.result["metrics"]["judgement_ranking"]["adapted"]["value"] == 1.0
    assert done.result["metrics"]["judgement_ranking"]["base"]["value"] == 0.5
    assert done.result["n_rows"] == 4, "the loss is that of the good answers"
    assert done.result["wins"]["n"] == 4
    assert any("good and" in remark for remark in done.result["remarks"])


def test_one_kind_of_judgement_ends_in_words(ordered: MakeOrder, heard: Heard, tmp_path: Path) -> None:
    rows = judgements(tmp_path, good=lambda _n: True)
    with pytest.raises(BadInput, match="are good, so there is nothing to tell apart"):
        train.run(ordered("kto", "unpaired_preference", rows=rows), heard)


@pytest.mark.long
@pytest.mark.parametrize("objective", ["orpo", "simpo", "kto"])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(ordered: MakeOrder, heard: Heard, objective: str) -> None:
    shared = {"save_steps": 2, "eval_steps": 4}
    train.run(ordered(objective, **shared), heard)
    shutil.rmtree(ordered(objective).checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(ordered(objective, attempt=2, **shared), before)
    assert isinstance(train.run(ordered(objective, attempt=3, **shared), again), Done)
    assert again.of(Planned) == [Planned(start_step=4, total_steps=8)]
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-4)
    assert again.losses("held_out")[8] == pytest.approx(heard.losses("held_out")[8], abs=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("objective", ["orpo", "simpo", "kto"])
def test_it_learns_on_a_quantized_base(ordered: MakeOrder, heard: Heard, nano_folder: Path, objective: str) -> None:
    order = ordered(objective, base=nano_folder, quantization="nf4", learning_rate=3e-3, eval_rows=0)
    assert isinstance(train.run(order, heard), Done)
    assert heard.losses("held_out")[8] < heard.losses("held_out")[0]


@pytest.mark.long
@pytest.mark.parametrize("objective", WITHOUT_REFERENCE)
def test_all_weights_can_be_trained(ordered: MakeOrder, heard: Heard, nano_folder: Path, objective: str) -> None:
    order = ordered(objective, base=nano_folder, method="full", learning_rate=3e-4, eval_rows=0)
    assert isinstance(train.run(order, heard), Done)
    losses_of = heard.losses("held_out")
    assert losses_of[8] < losses_of[0]
    assert not any(math.isnan(value) for value in losses_of.values())


def test_prompts_that_are_not_learned_take_no_part_in_the_loss(ordered: MakeOrder, heard: Heard) -> None:
    trainer, _ = _set_up(ordered("simpo"), heard)
    batch = trainer.collate([trainer.train_dataset[0]])
    outputs = trainer.concatenated_forward(trainer.model, batch)
    first = int(batch["completion_mask"].bool().any(0).nonzero()[0])
    assert outputs[2].shape[1] == batch["input_ids"].shape[1] - first + 1, "no logits for what stands before answers"
    assert torch.isfinite(outputs[4])
