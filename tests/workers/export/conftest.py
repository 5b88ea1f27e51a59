"""A training order whose training is replaced by a random adapter: what is staged is real, only untrained."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import torch
from peft import LoraConfig, get_peft_model

from templates import recipe as recipes
from templates.spec import BaseFacts
from workers import models
from workers.evaluation import held_out
from workers.evaluation.scoring import Answer, Scores
from workers.orders.train import TrainingOrder
from workers.protocol import ModelRef

FACTS = BaseFacts(
    architecture="LlamaForCausalLM",
    n_parameters=336_000,
    n_linear_parameters=74_000,
    hidden_size=64,
    intermediate_size=128,
    n_layers=2,
    n_heads=2,
    n_kv_heads=2,
    vocab_size=4864,
    context_length=256,
    weights_bytes=1_344_000,
    stored_dtype="float32",
)
ROWS = [
    {"text": f"message {i}", "label": ["refund", "card"][i % 2], "held_out": i >= 8, "source_row": i + 1}
    for i in range(20)
]


@pytest.fixture(scope="session")
def adapter(tiny_model_folder: Path) -> Any:
    """The tiny model with a random LoRA adapter that changes its answers."""
    torch.set_num_threads(1)
    torch.manual_seed(5)
    model = get_peft_model(
        models.load_base(tiny_model_folder), LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.5)
    return model.eval()


SIDE = held_out.of(
    "classification", [row for row in ROWS if not row["held_out"]], [row for row in ROWS if row["held_out"]]
)


@pytest.fixture
def scores() -> tuple[Scores, Scores]:
    """Of base and adapted model on the twelve held-out rows: nothing right, then all but one."""
    labels = [row["label"] for row in ROWS if row["held_out"]]

    def of(given: list[str], nll: float) -> Scores:
        answers = tuple(
            Answer(i, f"message {i + 8}", label, text, ended=True)
            for i, (label, text) in enumerate(zip(labels, given, strict=True))
        )
        n = len(labels)
        return Scores(tuple(range(9, 21)), np.linspace(nll, nll + 1, n), np.full(n, 4), answers=answers)

    return of(["what"] * 12, 9.0), of([*labels[:-1], "dunno"], 1.0)


@pytest.fixture
def order_for(studio: Any, tiny_model_folder: Path, tmp_path: Path) -> Callable[..., TrainingOrder]:
    """Makes an order; keyword arguments replace its fields."""

    def make(method: str = "lora", **fields: Any) -> TrainingOrder:
        data = tmp_path / "rows.parquet"
        parquet.write_table(pa.Table.from_pylist(ROWS), data)
        values: dict[str, Any] = {
            "kind": "train",
            "job_id": "job1",
            "attempt": 1,
            "name": "tickets",
            "log_file": str(tmp_path / "log"),
            "shape": "classification",
            "dataset_file": str(data),
            "dataset_name": "banking",
            "dataset_sha256": "d" * 64,
            "eval_rows": 12,
            "threads": 1,
            "staging": str(tmp_path / "staging"),
            "base": ModelRef(name="tiny", base_folder=str(tiny_model_folder), base_revision="e" * 40),
            "base_name": "tiny",
            "base_source": "bundled",
            "base_origin": "tiny",
            "base_license": "Apache-2.0",
            "facts": FACTS,
            "recipe": recipes.compose("sft", method, facts=FACTS),
        }
        (tmp_path / "staging").mkdir(exist_ok=True)
        return TrainingOrder(**(values | fields))

    return make
