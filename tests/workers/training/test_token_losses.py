"""Losses other than the plain one: dynamic fine-tuning is TRL's, and replayed rows hold the model near its base."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conversations import Heard, write_rows
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer

from templates.errors import BadInput
from templates.mix import Mix
from templates.recipe import compose
from workers import models
from workers.orders.train import FurtherData, TrainingOrder
from workers.programs import train
from workers.protocol import Checkpointed, Done, Measured, Report
from workers.training import batches, token_losses
from workers.training.batches import Example, ReplayedExample
from workers.training.task import read

MakeOrder = Callable[..., TrainingOrder]
ANSWERS = ("in the morning", "at noon", "late at night")
QUICK = {"eval_rows": 0, "max_length": 64, "max_steps": 8, "learning_rate": 2e-2, "eval_steps": 8}


@pytest.fixture
def make_replaying_order(make_order: MakeOrder, tmp_path: Path) -> MakeOrder:
    """Orders to learn colours and to replay something else."""
    rows = [
        {"prompt": f"when does bus {i} leave", "completion": ANSWERS[i % 3], "held_out": False, "source_row": i + 1}
        for i in range(24)
    ]
    further = FurtherData(
        shape="prompt_completion",
        dataset_file=str(write_rows(tmp_path / "replayed.parquet", rows)),
        dataset_name="buses",
        dataset_sha256="1" * 64,
        replayed=True,
    )

    def make(**settings: Any) -> TrainingOrder:
        order = make_order(**{**QUICK, **settings})
        return order.model_copy(update={"further": (further,), "mix": Mix(replayed=(0.5,))})

    return make


def built(order: TrainingOrder, heard: Heard) -> tuple[Trainer, Any]:
    """The trainer of an order, and its model."""
    task = read(order)
    setup = train._set_up(task, heard)
    model = models.adapt(models.load_base(task.order.base.base_folder), task.recipe)
    return setup.trainer(model, Path(order.checkpoints) / "draft"), model


def distances(heard: Heard) -> dict[int, float]:
    return {m.step: m.values["kl"] for m in heard.of(Measured) if "kl" in m.values}


def test_without_a_weight_the_training_is_the_plain_one(make_replaying_order: MakeOrder, heard: Heard) -> None:
    trainer, _model = built(make_replaying_order(kl_coef=0.0), heard)
    assert type(trainer) is Trainer
    assert "replayed" not in trainer.data_collator([trainer.train_dataset[0]])


def test_the_loss_is_the_sum_of_both_parts(make_replaying_order: MakeOrder, heard: Heard) -> None:
    """Against a plain computation, row by row and without padding."""
    trainer, model = built(make_replaying_order(kl_coef=0.7, lora_dropout=0.0), heard)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.2)
    micro_batches = map(trainer.train_dataset.__getitem__, range(len(trainer.train_dataset)))
    examples = next(some for some in micro_batches if len({type(one) for one in some}) == 2)
    found = trainer.compute_loss(model, trainer._prepare_inputs(trainer.data_collator([examples])))
    total, n_tokens = 0.0, sum(one.n_trained for one in examples)
    with torch.no_grad():
        for one in examples:
            if isinstance(one, ReplayedExample):
                total += 0.7 * apart(model, [one]) * one.n_trained
                continue
            ids, learned = torch.tensor([list(one.ids)]), torch.tensor(one.trained[1:])
            log_q = model(input_ids=ids).logits[0, :-1].log_softmax(-1)[learned]
            total -= float(log_q.gather(1, ids[0, 1:][learned][:, None]).sum())
    assert float(found.detach()) == pytest.approx(total / n_tokens, rel=1e-4)
    found.backward()
    assert any(p.grad is not None and bool(p.grad.abs().sum()) for p in model.parameters())


def apart(model: Any, examples: list[Example]) -> float:
    """Mean KL(base ‖ model) over the learned tokens, row by row and without padding."""
    model.eval()
    sums, n_tokens = 0.0, 0
    with torch.no_grad():
        for one in examples:
            ids, learned = torch.tensor([list(one.ids)]), torch.tensor(one.trained[1:])
            log_q = model(input_ids=ids).logits[0, -len(one.ids) : -1].log_softmax(-1)[learned]
            with model.disable_adapter():
                log_p = model(input_ids=ids).logits[0, :-1].log_softmax(-1)[learned]
            sums += float((log_p.exp() * (log_p - log_q)).sum())
            n_tokens += int(learned.sum())
    return sums / n_tokens


@pytest.mark.parametrize(
    ("method", "quantization", "nearer"),
    [
        ("lora", "none", 0.8),
        pytest.param("lora", "nf4", 0.5, marks=pytest.mark.long),
        pytest.param("lora", "int8", 0.5, marks=pytest.mark.long),
        pytest.param("prefix_tuning", "none", 1.0, marks=pytest.mark.long),
        pytest.param("prompt_tuning", "none", 1.0, marks=pytest.mark.long),
    ],
)
def test_a_weight_keeps_replayed_rows_near_the_base(
    make_replaying_order: MakeOrder,
    tiny_model_folder: Path,
    nano_folder: Path,
    method: str,
    quantization: str,
    nearer: float,
) -> None:
    """Nearer than learning them does, and the task is still learned."""
    ended, base = {}, tiny_model_folder if (method, quantization) == ("lora", "none") else nano_folder
    for weight in (0.0, 1.0):
        heard = Heard()
        order = make_replaying_order(
            base=base, method=method, quantization=quantization, kl_coef=weight, learning_rate=1e-2
        )
        task = read(order)
        setup = train._set_up(task, heard)
        model = models.adapt(models.load_base(base, quantization), task.recipe)
        train.train(task, setup, model, Path(order.checkpoints) / "draft", heard)
        schedule = setup.trainer(model, Path(order.checkpoints) / "again").train_dataset
        rows = {id(row): row for place in range(len(schedule)) for row in schedule[place]}
        ended[weight] = apart(model, [row for row in rows.values() if isinstance(row, ReplayedExample)])
        said = distances(heard)
        assert bool(said) == bool(weight)
        assert said.keys() <= heard.losses().keys()
        assert heard.losses("held_out")[8] < heard.losses("held_out")[0]
        shutil.rmtree(order.checkpoints)
    assert ended[1.0] < nearer * ended[0.0]


@pytest.mark.long
@pytest.mark.parametrize("settings", [{"kl_coef": 0.5, "gradient_accumulation_steps": 2}, {"loss_type": "dft"}])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    make_replaying_order: MakeOrder, heard: Heard, settings: dict[str, Any]
) -> None:
    shared = {"save_steps": 2, "eval_steps": 4, "lora_dropout": 0.1, **settings}
    train.run(make_replaying_order(**shared), heard)
    shutil.rmtree(make_replaying_order().checkpoints)

    def die(_heard: Heard, report: Report) -> None:
        if isinstance(report, Checkpointed) and report.step == 4:
            raise KeyboardInterrupt

    before, again = Heard(on_say=die), Heard()
    with pytest.raises(KeyboardInterrupt):
        train.run(make_replaying_order(attempt=2, **shared), before)
    assert isinstance(train.run(make_replaying_order(attempt=3, **shared), again), Done)
    assert {**before.losses(), **again.losses()} == heard.losses()
    assert {**distances(before), **distances(again)} == distances(heard)


@pytest.mark.parametrize(("objective", "method"), [("sft", "full"), ("continue_pretraining", "last_layers")])
def test_a_method_that_changes_the_base_is_refused_in_words(objective: str, method: str) -> None:
    compose(objective, method)
    with pytest.raises(BadInput, match="if kl_coef is above 0") as caught:
        compose(objective, method, settings={"kl_coef": 0.5})
    assert "Choose the method lora or " in str(caught.value.problems[0].remedy)
    assert str(caught.value.problems[0].remedy).endswith("or set kl_coef to 0.")
    with pytest.raises(BadInput, match="init_lora_weights"):
        compose(objective, "lora", settings={"kl_coef": 0.5, "init_lora_weights": "pissa"})


def test_dynamic_fine_tuning_is_trls(tiny_model_folder: Path, tmp_path: Path) -> None:
    """The loss and its gradient on one padded batch, beside `SFTTrainer`'s."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    rows = [Example([5, 6, 7, 8, 9], [False, False, True, True, True]), Example([5, 9, 4], [False, True, True])]
    collate = batches.collator(0, frozenset({"input_ids", "attention_mask", "position_ids", "labels"}))
    batch = collate([rows])
    found = []
    for theirs in (False, True):
        model = AutoModelForCausalLM.from_pretrained(tiny_model_folder)
        args: dict[str, Any] = {"output_dir": str(tmp_path), "use_cpu": True, "report_to": "none", "bf16": False}
        if theirs:
            made = SFTTrainer(
                model=model,
                args=SFTConfig(**args, loss_type="dft", gradient_checkpointing=False),
                train_dataset=Dataset.from_dict({"text": ["a b"]}),
                processing_class=AutoTokenizer.from_pretrained(tiny_model_folder),
            )
            loss = made.compute_loss(made.model, dict(batch), num_items_in_batch=torch.tensor(5))
        else:
            logits, labels = model(**{k: v for k, v in batch.items() if k != "labels"}).logits, batch["labels"]
            learned = labels[:, 1:] != batches.IGNORED
            loss = token_losses.nll(logits[:, :-1][learned], labels[:, 1:][learned], dynamic=True).sum() / 5
        loss.backward()
        found.append((loss.detach(), model.lm_head.weight.grad.clone()))
    (ours, our_gradient), (theirs_, their_gradient) = found
    assert torch.allclose(ours, theirs_, rtol=1e-5)
    assert torch.allclose(our_gradient, their_gradient, rtol=1e-4, atol=1e-7)


def test_dynamic_fine_tuning_works_with_several_datasets(make_replaying_order: MakeOrder, heard: Heard) -> None:
    """Replayed rows are learned dynamically too; the first loss is below the plain one, as no probability is 1."""
    first = {}
    for kind in ("nll", "dft"):
        trainer, model = built(make_replaying_order(loss_type=kind, lora_dropout=0.0), heard)
        batch = trainer._prepare_inputs(trainer.data_collator([trainer.train_dataset[0]]))
        first[kind] = float(trainer.compute_loss(model, batch).detach())
    assert 0 < first["dft"] < 0.5 * first["nll"]
