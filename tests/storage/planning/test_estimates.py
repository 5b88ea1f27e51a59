"""The estimate follows what is known of training: more of anything takes more, and the formulas hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from storage.bases import checkpoint_headers, measurements
from storage.gallery import suites
from storage.models import User
from storage.planning import estimates, fitting, flop, forgetting
from storage.planning.forgetting import Forgetting
from storage.planning.machines import Machine, Pace
from storage.rendering.rendered_rows import LengthReport
from storage.rendering.renderer import Renderer
from storage.settings import settings
from templates import registry
from templates.recipe import Recipe, compose
from templates.spec import BaseFacts

LAPTOP = Machine("laptop (CPU)", False, 8 * 10**9, 10**11, 5e10, True)
EIGHT_BILLION = BaseFacts(
    architecture="LlamaForCausalLM",
    n_parameters=8_030_000_000,
    n_linear_parameters=6_980_000_000,
    hidden_size=4096,
    intermediate_size=14336,
    n_layers=32,
    n_heads=32,
    n_kv_heads=8,
    vocab_size=128_256,
    context_length=8192,
    weights_bytes=16_060_000_000,
    stored_dtype="BF16",
)


@pytest.fixture
def nano(studio: User, nano_folder: Path) -> BaseFacts:
    return checkpoint_headers.facts(nano_folder)


def lengths(n_rows: int = 1000, mean: int = 60, longest: int = 200, answer: int = 4) -> LengthReport:
    return LengthReport(
        n_rows=n_rows,
        n_truncated=0,
        n_refused=0,
        n_examples=n_rows,
        n_tokens=n_rows * mean,
        n_trained_tokens=n_rows * answer,
        n_cut_tokens=0,
        n_with_control_tokens=0,
        longest=longest,
        histogram=[(longest, n_rows)],
        refused_rows=[],
        truncated_rows=[],
    )


def recipe(facts: BaseFacts, method: str = "lora", **settings: Any) -> Recipe:
    return compose("sft", method, settings=settings, facts=facts)


def of(facts: BaseFacts, machine: Machine = LAPTOP, method: str = "lora", **settings: Any) -> estimates.Estimate:
    return estimates.estimate(facts, recipe(facts, method, **settings), lengths(), 100, machine)


def test_parts_add_up(nano: BaseFacts) -> None:
    estimate = of(nano)
    assert estimate.memory_bytes == sum(estimate.memory_by_part.values())
    assert estimate.seconds == pytest.approx(sum(estimate.seconds_by_stage.values()))
    assert estimate.seconds_low < estimate.seconds < estimate.seconds_high
    assert estimates.Estimate.model_validate_json(estimate.model_dump_json()) == estimate


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"num_train_epochs": 2.0, "per_device_train_batch_size": 8}, 250),
        ({"num_train_epochs": 0.5, "per_device_train_batch_size": 3}, 167),
        ({"num_train_epochs": 1.0, "per_device_train_batch_size": 8, "gradient_accumulation_steps": 4}, 32),
        ({"max_steps": 7}, 7),
    ],
)
def test_steps_are_those_of_the_training_loop(nano: BaseFacts, settings: dict[str, Any], steps: int) -> None:
    assert of(nano, **settings).steps == steps


def test_more_takes_more(nano: BaseFacts) -> None:
    plain = of(nano)
    assert of(nano, num_train_epochs=8).seconds > plain.seconds
    assert of(nano, per_device_train_batch_size=64).memory_bytes > plain.memory_bytes
    assert of(nano, gradient_checkpointing=True).memory_bytes < plain.memory_bytes
    assert of(nano, gradient_checkpointing=True).seconds > plain.seconds
    assert of(nano, r=64).result_bytes == 4 * of(nano, r=16).result_bytes
    assert of(nano, quantization="nf4").memory_by_part["weights"] < plain.memory_by_part["weights"]
    full = of(nano, method="full")
    assert full.n_trained_parameters == nano.n_parameters
    assert full.disk_bytes > plain.disk_bytes
    assert full.seconds > plain.seconds


def test_asking_what_was_forgotten_takes_time(nano: BaseFacts) -> None:
    def seconds(n_items: int, **asked: Any) -> float:
        forgets = Forgetting(n_items, 54, 15, **asked)
        found = estimates.estimate(nano, recipe(nano), lengths(), 100, LAPTOP, forgets=forgets)
        return found.seconds_by_stage["evaluating"]

    assert seconds(0, own_prompts=96) == of(nano).seconds_by_stage["evaluating"]
    assert 1 < seconds(108) - seconds(0) < seconds(360) - seconds(0) < 30
    assert seconds(108) < seconds(108, own_prompts=96)
    assert seconds(108, own_prompts=96, base_is_known=True) < seconds(108)


def test_any_base_is_asked_what_it_forgot(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "2")
    settings.cache_clear()
    found = forgetting.planned("hub", "r1", "lora")
    assert (found.n_items, found.own_prompts, found.base_is_known) == (2 * 15, 64, False)
    folder = measurements.folder("r1")
    folder.mkdir(parents=True)
    (folder / "own.json").write_text("{}")
    assert forgetting.planned("hub", "r1", "lora").base_is_known
    assert not forgetting.planned("hub", "r1", "lora", on_result=True).base_is_known, "the result is measured anew"
    assert forgetting.planned("hub", "r1", "from_scratch") == forgetting.NOTHING


@pytest.mark.parametrize("name", ["everyday", "general"])
def test_a_suite_is_as_large_as_the_estimate_takes_it_for(nano_folder: Path, name: str) -> None:
    suite, renderer, declared = suites.get(name), Renderer(nano_folder), registry.suite(name)
    sample = suite.sample(2, seed=1).items
    prompt = sum(len(renderer.prompt(item.messages, item.tools)) for item in sample) / len(sample)
    answer = sum(len(renderer.row("text", {"text": item.answer}).ids) for item in sample) / len(sample)
    assert prompt == pytest.approx(declared.prompt_tokens, rel=0.2)
    assert answer < declared.answer_tokens < answer + suite.spare_tokens + 4


def test_qlora_of_eight_billion_fits_a_small_gpu() -> None:
    card = Machine("box (24 GB card)", True, 24 * 10**9, 10**12, 1e14, True)
    settings = {"per_device_train_batch_size": 1, "gradient_checkpointing": True}
    assert of(EIGHT_BILLION, card, quantization="nf4", **settings).fits
    assert 5e9 < of(EIGHT_BILLION, card, quantization="nf4", **settings).memory_bytes < 10e9
    assert of(EIGHT_BILLION, card, **settings).memory_bytes > 16e9
    assert not of(EIGHT_BILLION, card, "full", **settings).fits


def test_the_pace_of_an_earlier_job_counts_for_what_it_did(nano: BaseFacts) -> None:
    now = recipe(nano)
    same = estimates.estimate(nano, now, lengths(), 0, LAPTOP, Pace(1000.0, now))
    other = estimates.estimate(nano, now, lengths(), 0, LAPTOP, Pace(1000.0, recipe(nano, "full")))
    assert same.seconds_by_stage["training"] == pytest.approx(same.tokens / 1000)
    assert other.seconds_by_stage["training"] == pytest.approx(same.tokens / 1000 * 4 / 6)


def test_fixes_are_different_ways_and_each_of_them_fits() -> None:
    card = Machine("box (24 GB card)", True, 24 * 10**9, 10**12, 1e14, True)
    wanted = recipe(EIGHT_BILLION, "full", per_device_train_batch_size=16)

    def estimated(changed: Recipe) -> estimates.Estimate:
        return estimates.estimate(EIGHT_BILLION, changed, lengths(), 100, card)

    found = fitting.fixes(EIGHT_BILLION, wanted, estimated)
    assert found
    assert found[0].method == "lora"
    for fix in found:
        again = {"per_device_train_batch_size": 16, **fix.settings}
        assert estimated(recipe(EIGHT_BILLION, fix.method or "full", **again)).fits
        assert "instead of" in fix.text


def test_a_fix_never_offers_settings_that_do_not_go_together(nano: BaseFacts) -> None:
    tight = Machine("tiny (CPU)", False, 700_000_000, 10**11, 1e10, True)
    wanted = recipe(nano, per_device_train_batch_size=64, init_lora_weights="pissa")

    def estimated(changed: Recipe) -> estimates.Estimate:
        return estimates.estimate(nano, changed, lengths(), 100, tight)

    for fix in fitting.fixes(nano, wanted, estimated):
        recipe(nano, init_lora_weights="pissa", **{"per_device_train_batch_size": 64, **fix.settings})


def test_a_layer_keeps_as_much_as_the_formula_says(tiny_model_folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    facts = checkpoint_headers.facts(tiny_model_folder)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype=torch.float32)
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(0, facts.vocab_size, (4, 64))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        hidden = model.model(ids, use_cache=False).last_hidden_state
    per_token = sum(kept.values()) / 4 / (ids.numel() * facts.n_layers)
    assert hidden.requires_grad
    assert per_token == pytest.approx(flop.kept_per_token(facts), rel=0.35)
