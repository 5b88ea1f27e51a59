"""Settings that work but can hardly be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

import templates
from storage.bases import checkpoint_headers
from storage.planning import unusual
from templates.layers import Projection
from templates.recipe import compose

FACTS = checkpoint_headers.facts(Path(templates.__file__).parent / "models" / "studio-nano")


def fields(n_rows: int = 486, n_updates: int = 400, **settings: object) -> list[str | None]:
    recipe = compose("sft", "lora", settings=settings, facts=FACTS)
    return [problem.field for problem in unusual.of(recipe, FACTS, n_rows, n_updates)]


def test_the_advice_is_never_unusual() -> None:
    assert fields() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("per_device_train_batch_size", 4096),
        ("gradient_accumulation_steps", 100),
        ("learning_rate", 1.0),
        ("learning_rate", 1e-7),
        ("num_train_epochs", 1000),
        ("warmup_steps", 400),
        ("lora_dropout", 0.9),
        ("weight_decay", 1.0),
    ],
)
def test_each_is_named_by_its_field(name: str, value: float) -> None:
    assert fields(**{name: value}) == [name]


def test_a_rank_above_the_narrowest_layer_says_which() -> None:
    narrow = FACTS.model_copy(
        update={"projections": (*FACTS.projections, Projection(place="self_attn.k_proj", shape=(32, 128), count=4))}
    )
    recipe = compose("sft", "lora", settings={"r": 64}, facts=narrow)
    (problem,) = unusual.of(recipe, narrow, 486, 400)
    assert problem.field == "r"
    assert "“k_proj”" in problem.message
    assert "at most 32" in (problem.remedy or "")
