"""What it costs to write several answers to each prompt."""

from __future__ import annotations

from storage.bases import base_models, checkpoint_headers
from storage.planning import estimates, sampling_costs
from storage.planning.estimates import Estimate
from storage.planning.machines import Machine
from storage.rendering.rendered_rows import LengthReport
from templates.recipe import Recipe, compose

FACTS = checkpoint_headers.facts(base_models.BUNDLED_DIR / "studio-nano")
LENGTHS = LengthReport(
    n_rows=100,
    n_truncated=0,
    n_refused=0,
    n_examples=100,
    n_tokens=2_000,
    n_trained_tokens=400,
    n_cut_tokens=0,
    n_with_control_tokens=0,
    longest=30,
    histogram=[(32, 100)],
    refused_rows=[],
    truncated_rows=[],
)


LAPTOP = Machine("laptop (CPU)", False, 8 * 10**9, 10**11, 5e10, True)


def priced(**settings: int) -> tuple[Recipe, Estimate]:
    recipe = compose("grpo", "lora", settings={"num_train_epochs": 1, **settings}, facts=FACTS)
    lengths = sampling_costs.as_written(LENGTHS, recipe)
    cost = estimates.estimate(FACTS, recipe, lengths, 20, LAPTOP)
    return recipe, sampling_costs.priced(cost, FACTS, recipe, lengths, LAPTOP)


def test_each_prompt_counts_as_often_as_it_is_answered() -> None:
    recipe, cost = priced(num_generations=8, max_completion_length=64, per_device_train_batch_size=10)
    assert cost.steps == 10, "a step answers ten prompts"
    assert cost.tokens == 8 * 1_600 + 8 * 100 * 32, "prompts, and answers of half the longest length"
    said = " ".join(sampling_costs.sentences(recipe, cost))
    assert "answered 8 times" in said
    assert "800 answers and 51,200 tokens" in said


def test_more_and_longer_answers_take_longer() -> None:
    _, few = priced(num_generations=4, max_completion_length=32)
    _, more = priced(num_generations=8, max_completion_length=32)
    _, longer = priced(num_generations=4, max_completion_length=256)
    assert more.seconds_by_stage["training"] > 1.5 * few.seconds_by_stage["training"]
    assert longer.seconds_by_stage["training"] > 4 * few.seconds_by_stage["training"]
    assert longer.seconds_by_stage["evaluating"] > few.seconds_by_stage["evaluating"]
    assert longer.memory_bytes > few.memory_bytes


def test_other_objectives_stay_as_they_are() -> None:
    recipe = compose("sft", "lora", facts=FACTS)
    assert sampling_costs.as_written(LENGTHS, recipe) is LENGTHS
    assert sampling_costs.n_written_tokens(recipe) == 0
