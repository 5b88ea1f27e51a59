"""Training a reward model, from pairs to a verdict, and using what was published."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from conversations import Child, Heard
from safetensors.torch import load_file, save_file

from storage.data import row_files
from storage.rendering.renderer import Renderer
from templates import registry
from templates.errors import BadInput, StudioError
from templates.recipe import compose
from workers import models
from workers.preferences import score_heads
from workers.preferences.reward_model import RewardModel
from workers.programs import train
from workers.protocol import Checkpointed, Done, ModelRef, Order, Planned, Ready, Report

MakeOrder = Callable[..., Order]
CPU = torch.device("cpu")
ADJECTIVES = ("red", "green", "blue", "white")


def pairs(folder: Path, n_rows: int = 60) -> list[dict[str, Any]]:
    """Prompts whose polite answer is chosen; which of the two is longer is a coin's choice. Every third is held out."""
    made = []
    for n in range(n_rows):
        polite, curt = f"please {ADJECTIVES[n % 4]} {n}", f"nope {ADJECTIVES[n % 4]} {n}"
        polite, curt = (polite + " and more and more", curt) if n % 2 else (polite, curt + " and more and more")
        made.append({"prompt": [{"role": "user", "content": f"say {n}"}], "chosen": polite, "rejected": curt})
    shape = registry.shape("preference")
    stored = row_files.batches(shape, enumerate(made, 2))
    row_files.write(folder / "pairs", shape, stored, [n % 3 == 1 for n in range(n_rows)])
    return list(pq.read_table(folder / "pairs").to_pylist())


@pytest.fixture
def ordered(make_order: MakeOrder, tmp_path: Path) -> MakeOrder:
    """Orders to train a reward model on the tiny model."""

    def make(**settings: Any) -> Order:
        settings = {"learning_rate": 1e-2, "eval_steps": 4, "max_length": 64, "lora_dropout": 0.0, **settings}
        if settings.get("method", "lora") != "lora":
            del settings["lora_dropout"]
        return make_order(objective="reward", shape="preference", rows=pairs(tmp_path), **settings)

    return make


def of(order: Any) -> ModelRef:
    """What the order published, as a job that uses it gets it."""
    staged = Path(order.staging)
    if (staged / "adapter_config.json").is_file():
        return order.base.model_copy(update={"name": order.name, "adapter_folder": str(staged), "weights_sha256": "x"})
    return ModelRef(name=order.name, base_folder=str(staged), base_revision="x", weights_sha256="x")


def conversation(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def test_a_job_learns_to_score_and_its_result_gives_the_same_scores(
    ordered: MakeOrder, heard: Heard, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ordered(max_steps=24)
    done = train.run(order, heard)  # type: ignore[arg-type]
    assert isinstance(done, Done)
    assert heard.losses("held_out")[24] < heard.losses("held_out")[0]
    verdict, staged = done.result, Path(order.staging)
    assert done.made.kind == "reward_model"  # type: ignore[union-attr]
    assert verdict["verdict"] == "better"
    assert verdict["metrics"]["preference_accuracy"]["adapted"]["value"] == 1.0
    assert verdict["metrics"]["preference_accuracy"]["base"]["value"] == 0.5
    assert verdict["reward"]["length_correlation"]["low"] < 0 < verdict["reward"]["length_correlation"]["high"]
    assert verdict["forgotten"] is None
    outcomes = json.loads((staged / "evaluation" / "outcomes.json").read_bytes())
    assert all(ahead > 0 for ahead in outcomes["prefers"])
    judge = RewardModel.load(of(order), CPU)
    some = [conversation("say 7", "please red 7"), conversation("say 7", "nope red 7 and more and more")]
    first, second = judge.scores(some)
    assert first > second
    assert RewardModel.load(of(order), CPU).scores(some) == [first, second]
    monkeypatch.setattr(sys, "argv", ["use_me.py", "say 7", "please red 7", "nope red 7 and more and more"])
    capsys.readouterr()
    runpy.run_path(str(staged / "use_me.py"), run_name="__main__")
    printed = [float(line.split("\t")[0]) for line in capsys.readouterr().out.splitlines()]
    assert printed == pytest.approx([first, second], abs=2e-4)


def test_what_is_no_conversation_and_no_reward_model_is_said(ordered: MakeOrder, heard: Heard, tmp_path: Path) -> None:
    order = ordered(max_steps=1)
    train.run(order, heard)  # type: ignore[arg-type]
    judge = RewardModel.load(of(order), CPU)
    with pytest.raises(BadInput, match="Conversation 2 does not end with an answer"):
        judge.scores([conversation("say 1", "please"), conversation("say 1", "please")[:1]])
    with pytest.raises(BadInput, match=r"Conversation 1 has .* tokens; the reward model reads"):
        judge.scores([conversation("say 1", "please " * 5000)])
    plain = of(order).model_copy(update={"adapter_folder": str(tmp_path / "plain")})
    shutil.copytree(order.staging, tmp_path / "plain")
    tensors = load_file(tmp_path / "plain" / "adapter_model.safetensors")
    kept = {name: tensor for name, tensor in tensors.items() if "score" not in name}
    save_file(kept, tmp_path / "plain" / "adapter_model.safetensors")
    with pytest.raises(StudioError, match="has no score head"):
        RewardModel.load(plain, CPU)


def test_a_row_scores_the_same_alone_and_beside_longer_ones(tiny_model_folder: Path) -> None:
    torch.manual_seed(0)
    model = models.load_base(tiny_model_folder, where=CPU, read=score_heads.load_new)
    judge = RewardModel(model, Renderer(tiny_model_folder), 512)
    rows = [conversation("say", "please " * n) for n in (1, 30, 3, 12)]
    assert judge.scores(rows) == pytest.approx([judge.scores([row])[0] for row in rows], abs=1e-4)


def test_an_initialisation_that_changes_the_base_is_refused() -> None:
    with pytest.raises(BadInput, match="puts a new head on the base"):
        compose("reward", "lora", settings={"init_lora_weights": "pissa"})
    with pytest.raises(BadInput, match="puts a new head on the base"):
        compose("reward", "prompt_tuning")


@pytest.mark.long
def test_a_killed_run_goes_on_as_if_nothing_had_happened(ordered: MakeOrder, heard: Heard) -> None:
    shared = {"save_steps": 2, "eval_steps": 4}
    done = train.run(ordered(**shared), heard)  # type: ignore[arg-type]
    shutil.rmtree(ordered().checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(ordered(attempt=2, **shared), before)  # type: ignore[arg-type]
    resumed = train.run(ordered(attempt=3, **shared), again)  # type: ignore[arg-type]
    assert again.of(Planned) == [Planned(start_step=4, total_steps=8)]
    assert {**before.losses(), **again.losses()} == pytest.approx(heard.losses(), abs=1e-5)
    assert isinstance(done, Done)
    assert isinstance(resumed, Done)
    margins = [one.result["reward"]["margin"] for one in (done, resumed)]
    assert margins[1] == pytest.approx(margins[0], abs=1e-4)


@pytest.mark.long
def test_a_child_killed_with_9_is_resumed_by_another(ordered: MakeOrder, child: Child) -> None:
    order = ordered(max_steps=200, save_steps=2)
    child.hear_until(Ready)
    child.send(order)
    reached = child.hear_until(Checkpointed).step
    child.process.kill()
    child.process.wait()
    second = Child()
    try:
        second.hear_until(Ready)
        second.send(order.model_copy(update={"attempt": 2, "staging": order.staging + "-2"}))
        assert second.hear_until(Planned).start_step >= reached
        done = second.hear_until(Done)
    finally:
        second.process.kill()
        second.process.wait()
    assert done.made.kind == "reward_model"
    assert done.result["verdict"] == "better"


@pytest.mark.long
def test_all_weights_and_a_quantized_base_can_be_trained(ordered: MakeOrder, nano_folder: Path) -> None:
    for attempt, how in enumerate(({"method": "full", "learning_rate": 3e-4}, {"quantization": "nf4"}), 1):
        heard, order = Heard(), ordered(base=nano_folder, attempt=attempt, max_steps=16, eval_steps=16, **how)
        done = train.run(order, heard)  # type: ignore[arg-type]
        assert isinstance(done, Done)
        assert heard.losses("held_out")[16] < heard.losses("held_out")[0]
        assert done.made.kind == ("full_reward_model" if attempt == 1 else "reward_model")  # type: ignore[union-attr]
        better, worse = RewardModel.load(of(order), CPU).scores(
            [conversation("say 7", "please red 7"), conversation("say 7", "nope red 7")]
        )
        assert better > worse
        shutil.rmtree(order.checkpoints)
