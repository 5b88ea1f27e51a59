"""Repair: a result comes back to its base on general prompts, with the task's rows beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard, write_rows
from parents import Parent

from storage.gallery import suites
from storage.rendering.renderer import Renderer
from templates.continuation import Way
from templates.mix import Mix
from tests.small_suite import small_suite
from workers import models
from workers.objectives.repair import RepairTrainer
from workers.orders.train import FurtherData, TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Noted, Order, Planned, Report
from workers.training import results
from workers.training.roots import Root
from workers.training.task import read

MakeOrder = Callable[..., TrainingOrder]
SHORT = {
    "max_completion_length": 6,
    "mask_truncated_completions": False,
    "max_steps": 12,
    "eval_steps": 12,
    "per_device_train_batch_size": 4,
}


@pytest.fixture
def parent(make_order: MakeOrder, tmp_path: Path) -> Callable[..., Parent]:
    """Trains a result that goes far from its base."""

    def trained(**asked: Any) -> Parent:
        settings = {"max_steps": 8, "eval_steps": 100, "learning_rate": 2e-2, "eval_rows": 0, **asked}
        order = make_order(attempt=9, **settings)
        done = train.run(order, Heard())
        assert isinstance(done, Done)
        return Parent(order, done, tmp_path / "first")

    return trained


@pytest.fixture
def make_repair(make_order: MakeOrder, tmp_path: Path) -> Callable[..., TrainingOrder]:
    """Orders that repair a result on prompts, four fifths of what is learned."""

    def make(first: Parent, way: Way = "same_adapter", share: float = 0.8, **asked: Any) -> TrainingOrder:
        rows = [
            {"prompt": f"Tell me {n} things about {word}.", "completion": "No.", "source_row": n, "held_out": False}
            for n, word in enumerate(["rain", "bread", "maps", "ships"] * 5, 1)
        ]
        file = write_rows(tmp_path / "prompts.parquet", [{**row, "system": None} for row in rows])
        further = FurtherData(
            shape="prompt_completion",
            dataset_file=str(file),
            dataset_name="own",
            dataset_sha256="1" * 64,
            replayed=True,
        )
        order = first.continued(make_order(objective="repair", **{**SHORT, **asked}), way)
        mix = Mix(replayed=(share,), prompts_first=True)
        return order.model_copy(update={"further": (further,), "mix": mix})

    return make


def test_a_result_comes_back_to_its_base(
    make_repair: Any,
    parent: Any,
    heard: Heard,
    teacher_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(suites, "get", lambda _name: small_suite(2))
    first, kept = parent(base=teacher_folder), str(tmp_path / "kept")
    order = make_repair(first, base=teacher_folder, forgetting_items=2, own_prompts=20, measurements=kept)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    distances = heard.losses("held_out")
    assert distances[12] < 0.8 * distances[0], "nearer on prompts that were set apart"
    found = done.result
    assert found["parent"] == "first"
    assert found["root"]["name"] == found["forgotten"]["root"]["name"] == "tiny"
    assert "of general abilities" in found["came_back"]
    assert "against “first”" in found["came_back"]
    assert found["forgotten"]["own"]["n"] == 20
    assert any("answers 18 of 20 prompts" in one and "2 are set apart" in one for one in found["remarks"])
    assert any("4 rows of the task" in one for one in found["remarks"])
    shares = [note.data["done"] for note in heard.of(Noted) if note.kind == "evaluated"]
    assert shares == sorted(shares)
    assert found["came_back"] in (Path(order.staging) / "README.md").read_text("utf-8")
    assert len(list((tmp_path / "kept").iterdir())) == 2, "what the base at the root says is kept for later jobs"


def test_without_its_adapter_the_teacher_is_the_untouched_base(make_repair: Any, parent: Any, heard: Heard) -> None:
    first = parent()
    order = make_repair(first)
    task, root = read(order), Root(order)
    student = results.ready(results.LANGUAGE_MODEL, task, train._set_up(task, heard, root=root))
    ids = torch.tensor([Renderer(Path(order.base.base_folder)).prompt([{"role": "user", "content": "Hello?"}])])
    untouched = models.load_base(first.root.base_folder)
    with torch.no_grad():
        adapted = student.eval()(input_ids=ids).logits
        with root.behind(student) as teacher:
            assert teacher is student, "no second model in memory"
            assert torch.equal(teacher(input_ids=ids).logits, untouched(input_ids=ids).logits)
        assert torch.equal(student(input_ids=ids).logits, adapted), "its adapter is back"
        assert not torch.allclose(adapted, untouched(input_ids=ids).logits, atol=1e-2)


@pytest.mark.long
def test_the_task_alone_is_learned_as_in_fine_tuning(
    make_repair: Any, parent: Any, heard: Heard, tmp_path: Path
) -> None:
    order = make_repair(parent())
    task, root = read(order), Root(order)
    setup = train._set_up(task, heard, root=root)
    student = results.ready(results.LANGUAGE_MODEL, task, setup)
    trainer = setup.trainer(student, tmp_path / "drafts")
    assert isinstance(trainer, RepairTrainer)
    examples = results._examples(task)[:1]
    found = trainer.compute_loss(student, {"prompts": [], "task": examples})
    ids, trained = torch.tensor([examples[0].ids]), examples[0].trained
    logits = student.eval()(input_ids=ids).logits[0].log_softmax(-1)
    wanted = [-logits[place - 1, ids[0, place]] for place, learned in enumerate(trained) if learned]
    assert float(found) == pytest.approx(float(torch.stack(wanted).mean()), abs=1e-4)


@pytest.mark.long
def test_a_killed_repair_resumes_with_the_same_draws(make_repair: Any, parent: Any, heard: Heard) -> None:
    first, shared = parent(), {"max_steps": 9, "save_steps": 3, "eval_steps": 9, "eval_rows": 0}
    train.run(make_repair(first, **shared), heard)
    shutil.rmtree(make_repair(first, **shared).checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 6:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(make_repair(first, attempt=2, **shared), before)
    assert isinstance(train.run(make_repair(first, attempt=3, **shared), again), Done)
    assert again.of(Planned) == [Planned(start_step=6, total_steps=9)]
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-5)


@pytest.mark.long
@pytest.mark.parametrize(("way", "method"), [("merged", "lora"), ("full_model", "full")])
def test_a_merged_result_is_taught_by_the_base_beside_it(
    make_repair: Any, parent: Any, heard: Heard, teacher_folder: Path, way: Way, method: str
) -> None:
    first = parent(method=method, base=teacher_folder)
    settings = {"method": method, "base": teacher_folder, "max_steps": 24, "eval_steps": 24}
    order: Order = make_repair(first, way, **settings)
    done = train.run(order, heard)
    assert isinstance(done, Done)
    assert heard.losses("held_out")[24] < 0.9 * heard.losses("held_out")[0]
    assert done.result["root"]["name"] == "tiny"


@pytest.mark.long
def test_the_best_weights_are_chosen_on_prompts_set_apart(make_repair: Any, parent: Any, heard: Heard) -> None:
    done = train.run(make_repair(parent(), load_best_model_at_end=True), heard)
    assert isinstance(done, Done)
    assert any("on 2 prompts set apart" in one for one in done.result["remarks"])


@pytest.mark.long
@pytest.mark.long
def test_no_row_of_the_task_need_be_learned(make_repair: Any, parent: Any, heard: Heard) -> None:
    done = train.run(make_repair(parent(), share=1.0, max_steps=2, eval_rows=0), heard)
    assert isinstance(done, Done)
    assert any("no row is learned" in one for one in done.result["remarks"])
