"""Trainings that go on from a result: on the right weights, judged against parent and root, and of use alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conversations import Heard
from parents import Parent

from storage import files
from templates.continuation import Way
from workers import models
from workers.export import bundle
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, ModelRef, Planned, Report
from workers.training.task import read

MakeOrder = Callable[..., TrainingOrder]
SHORT = {"max_steps": 4, "eval_steps": 4, "save_steps": 4}


@pytest.fixture
def parent(make_order: MakeOrder, tmp_path: Path) -> Callable[..., Parent]:
    """Trains a first result."""

    def trained(**asked: Any) -> Parent:
        order = make_order(attempt=9, **{**SHORT, **asked})
        done = train.run(order, Heard())
        assert isinstance(done, Done)
        return Parent(order, done, tmp_path / "first")

    return trained


def made(done: Any) -> dict[str, Any]:
    """The facts of what was published."""
    assert isinstance(done, Done)
    assert done.made is not None
    assert done.made.what == "artifact"
    return done.made.facts


@pytest.mark.long
def test_the_same_adapter_goes_on_where_it_was(make_order: MakeOrder, parent: Any, heard: Heard) -> None:
    first = parent()
    order = first.continued(make_order(**SHORT), "same_adapter")
    done = train.run(order, heard)
    facts, result = made(done), done.result
    assert heard.losses("held_out")[0] == pytest.approx(first.loss("adapted"), abs=1e-4)
    assert result["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("adapted"), abs=1e-4)
    assert result["root"]["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("base"), abs=1e-4)
    assert result["root"]["metrics"]["loss"]["adapted"] == result["metrics"]["loss"]["adapted"]
    assert (result["parent"], result["root"]["name"]) == ("first", "tiny")
    assert (facts["continued"], facts["own_base"]) == ("same_adapter", "")
    before = json.loads((Path(first.ref.adapter_folder) / "adapter_config.json").read_bytes())
    after = json.loads((Path(order.staging) / "adapter_config.json").read_bytes())
    assert after["r"] == before["r"]


@pytest.mark.long
def test_a_new_adapter_goes_on_the_merged_result_and_carries_it(
    make_order: MakeOrder, parent: Any, heard: Heard
) -> None:
    first = parent()
    order = first.continued(make_order(**SHORT), "merged")
    done = train.run(order, heard)
    facts, result, staging = made(done), done.result, Path(order.staging)
    assert result["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("adapted"), abs=1e-3)
    assert result["root"]["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("base"), abs=1e-4)
    assert "for “first”" in result["sentence"]
    assert facts["own_base"] == bundle.weights_sha256_of(staging / "base")
    ref = ModelRef(name="x", base_folder=str(staging / "base"), base_revision="1", adapter_folder=str(staging))
    setup = train._set_up(read(order), heard)
    assert setup.held_out_loss
    loss = setup.held_out_loss(models.load(ref), lambda: False)
    assert loss == pytest.approx(result["metrics"]["loss"]["adapted"]["value"], abs=1e-5)
    card = (staging / "README.md").read_text()
    assert "| Step 1 | first: Learn input → output, lora; data colours |" in card
    assert "| Step 2 | painted: Learn input → output, lora, on the merged result before it; data colours |" in card
    assert "Beside tiny, the base model at the root:" in card
    assert json.loads((staging / "adapter_config.json").read_bytes())["base_model_name_or_path"] == "base"
    everything = b"".join(path.read_bytes() for path in staging.rglob("*") if path.is_file())
    assert str(staging.parent).encode() not in everything, "no path of this machine leaves it"


@pytest.mark.parametrize("way", ["merged", pytest.param("same_adapter", marks=pytest.mark.long)])
def test_a_killed_training_resumes_on_the_same_weights(
    make_order: MakeOrder, parent: Any, heard: Heard, way: Way
) -> None:
    first, shared = parent(), {"max_steps": 6, "save_steps": 2, "eval_steps": 6, "eval_rows": 0}
    whole = made(train.run(first.continued(make_order(**shared), way), heard))
    shutil.rmtree(make_order(**shared).checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.run(first.continued(make_order(attempt=2, **shared), way), Heard(on_say=die))
    order, again = first.continued(make_order(attempt=3, **shared), way), Heard()
    facts = made(train.run(order, again))
    assert again.of(Planned) == [Planned(start_step=4, total_steps=6)]
    assert again.losses()[6] == pytest.approx(heard.losses()[6], abs=1e-4)
    assert facts["own_base"] == whole["own_base"]
    assert facts["verdict"]["metrics"]["loss"]["base"] == whole["verdict"]["metrics"]["loss"]["base"]


@pytest.mark.long
def test_all_weights_are_trained_from_the_merged_result(make_order: MakeOrder, parent: Any, heard: Heard) -> None:
    first = parent()
    order = first.continued(make_order(method="full", learning_rate=1e-3, max_steps=4), "merged")
    done = train.run(order, heard)
    assert made(done)["own_base"] == ""
    assert done.result["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("adapted"), abs=1e-3)
    assert not (Path(order.staging) / "base").exists()


@pytest.mark.long
def test_an_adapter_on_a_full_model_carries_it_without_its_disk_space(
    make_order: MakeOrder, parent: Any, heard: Heard
) -> None:
    first = parent(method="full", learning_rate=1e-3)
    order = first.continued(make_order(max_steps=4), "full_model")
    done = train.run(order, heard)
    weights = Path(order.staging) / "base" / "model.safetensors"
    assert made(done)["own_base"] == first.ref.weights_sha256 == files.sha256_of(weights)
    assert weights.samefile(Path(first.ref.base_folder) / "model.safetensors")
    assert done.result["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("adapted"), abs=1e-4)


@pytest.mark.long
def test_a_merged_result_is_trained_on_in_4_bits(
    make_order: MakeOrder, parent: Any, heard: Heard, nano_folder: Path
) -> None:
    shared = {"base": nano_folder, "quantization": "nf4", "eval_rows": 0, "eval_steps": 100}
    first = parent(**shared)
    order = first.continued(make_order(max_steps=4, **shared), "merged")
    done = train.run(order, heard)
    assert made(done)["own_base"]
    assert done.result["metrics"]["loss"]["base"]["value"] == pytest.approx(first.loss("adapted"), abs=0.02)
