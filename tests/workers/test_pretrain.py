"""Pretraining from random weights: it learns, resumes exactly, and takes its logits where it may."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard
from transformers import AutoModelForCausalLM

from templates.errors import StudioError
from workers import precision
from workers.objectives import pretrain
from workers.orders.train import TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Noted, Planned

MakeOrder = Callable[..., TrainingOrder]
ANSWER = "<|im_start|>user\nWhat colour is wall {i}?<|im_end|>\n<|im_start|>assistant\n It is painted red.<|im_end|>"


@pytest.fixture
def pretraining(make_order: MakeOrder) -> MakeOrder:
    rows = [{"text": ANSWER.format(i=i), "held_out": i % 10 == 0, "source_row": i} for i in range(120)]

    def make(**settings: Any) -> TrainingOrder:
        given = {"max_steps": 12, "tokens_per_batch": 256, "save_steps": 3, "eval_steps": 6, "logging_steps": 1}
        given |= {"per_device_train_batch_size": 8, "learning_rate": 0.02}
        return make_order(objective="pretrain", method="from_scratch", shape="text", rows=rows, **{**given, **settings})

    return make


def test_a_new_model_is_learned_from_nothing(pretraining: MakeOrder, heard: Heard, tiny_model_folder: Path) -> None:
    done = train.run(pretraining(), heard)
    assert isinstance(done, Done)
    losses = heard.losses()
    assert losses[12] < 0.6 * losses[1]
    assert heard.losses("held_out")[12] < heard.losses("held_out")[0]
    assert done.result["verdict"] == "better"
    base = AutoModelForCausalLM.from_pretrained(tiny_model_folder).get_input_embeddings().weight
    made = AutoModelForCausalLM.from_pretrained(Path(pretraining().staging)).get_input_embeddings().weight
    assert base.shape == made.shape
    assert abs(torch.nn.functional.cosine_similarity(base.flatten(), made.flatten(), dim=0)) < 0.1


@pytest.mark.long
def test_a_killed_run_follows_the_same_curve(pretraining: MakeOrder, heard: Heard) -> None:
    train.run(pretraining(), heard)
    whole = heard.losses()
    shutil.rmtree(pretraining().checkpoints)

    def die(_heard: Heard, report: Any) -> None:
        if isinstance(report, Checkpointed) and report.step == 6:
            raise KeyboardInterrupt

    first = Heard(on_say=die)
    with pytest.raises(KeyboardInterrupt):
        train.run(pretraining(attempt=2), first)
    again = Heard()
    assert isinstance(train.run(pretraining(attempt=3), again), Done)
    assert again.of(Planned) == [Planned(start_step=6, total_steps=12)]
    assert {**first.losses(), **again.losses()} == pytest.approx(whole, rel=1e-3)


@pytest.mark.long
def test_logits_only_where_something_is_learned_give_the_same_loss(
    pretraining: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    train.run(pretraining(bf16=False, max_steps=3), heard)
    shutil.rmtree(pretraining().checkpoints)
    monkeypatch.setattr(pretrain, "SAME_LOGITS", -1.0)  # as if the architecture did more than its head
    slow = Heard()
    train.run(pretraining(bf16=False, max_steps=3, attempt=2), slow)
    assert slow.losses() == pytest.approx(heard.losses(), rel=1e-4)


@pytest.mark.parametrize("able", [pytest.param(True, marks=pytest.mark.long), False])
def test_a_processor_without_bfloat16_says_that_it_computes_in_32_bits(
    pretraining: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda _where: able)
    train.run(pretraining(max_steps=3), heard)
    said = [note.data for note in heard.of(Noted) if note.kind == "computed_in_32_bits"]
    assert said == ([] if able else [{"why": "this processor has no bfloat16 instructions"}])


def test_a_missing_compiler_is_named(
    pretraining: MakeOrder, heard: Heard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudioError, match="no C\\+\\+ compiler"):
        train.run(pretraining(torch_compile=True), heard)


def test_texts_without_two_tokens_are_refused(make_order: MakeOrder, heard: Heard) -> None:
    rows = [{"text": "", "held_out": i == 0, "source_row": i} for i in range(4)]
    with pytest.raises(StudioError, match="two tokens in a row"):
        train.run(make_order(objective="pretrain", method="from_scratch", shape="text", rows=rows), heard)
