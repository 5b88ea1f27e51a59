"""Training a reward model, from pairs to a verdict, and using what was published."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from conversations import Heard

from storage.data import row_files
from templates import registry
from workers.preferences.reward_model import RewardModel
from workers.programs import train
from workers.protocol import Done, ModelRef, Order

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
