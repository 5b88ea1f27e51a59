"""A long job comes with changes that make it shorter, each estimated like the job itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from storage.planning import shortening
from storage.planning.machines import Machine
from storage.planning.shortening import Long, SmallerBase
from templates import registry
from templates.recipe import compose
from tests.storage.planning.test_estimates import EIGHT_BILLION, lengths

SERVER = Machine("server (GPU)", True, 200 * 10**9, 10**12, 2e14, True)


def long(method: str = "lora", **settings: Any) -> Long:
    known = replace(lengths(40_000, 200, 2000), histogram=[(250, 39_500), (2000, 500)])
    recipe = compose("sft", method, settings=settings, facts=EIGHT_BILLION)
    return Long(EIGHT_BILLION, recipe, known, registry.shape("prompt_completion"), 400, SERVER, None)


def offers(job: Long, *smaller: SmallerBase) -> list[Any]:
    return shortening.fixes(job, job.estimated(), smaller)


def test_fewer_passes_are_offered_with_the_time_that_they_take() -> None:
    job = long(num_train_epochs=4, gradient_checkpointing=True)
    before = job.estimated()
    assert shortening.is_long(before)
    fix = next(fix for fix in offers(job) if "num_train_epochs" in fix.settings)
    assert fix.settings == {"num_train_epochs": 2.0}
    recipe = job.recipe.model_copy(update={"objective_params": {**job.recipe.objective_params, **fix.settings}})
    after = replace(job, recipe=recipe).estimated()
    assert after.seconds < 0.8 * before.seconds
    assert f"{after.minutes[0] / 60:.1f}–{after.minutes[1] / 60:.1f} h instead of" in fix.text
    assert fix.text.startswith("Use 2 passes over the data instead of 4: ≈ ")


def test_a_smaller_base_is_offered_by_name() -> None:
    small = EIGHT_BILLION.model_copy(update={"n_linear_parameters": 10**9, "n_parameters": 1_200_000_000})
    fixes = offers(long(num_train_epochs=1), SmallerBase("one-billion", small, None))
    assert [fix.base for fix in fixes if fix.base] == ["one-billion"]
    assert "the smaller base model “one-billion”" in fixes[0].text


def test_an_adapter_is_offered_in_place_of_all_weights() -> None:
    roomy = replace(SERVER, memory_free_bytes=400 * 10**9)
    fixes = offers(replace(long("full", num_train_epochs=1, gradient_checkpointing=True), machine=roomy))
    (fix,) = [fix for fix in fixes if fix.method]
    assert fix.method == "lora"
    assert fix.text.startswith("Use the method LoRA: ≈ ")


def test_only_the_longest_rows_may_be_cut_and_their_number_is_said() -> None:
    report = replace(lengths(40_000, 400, 8000), histogram=[(250, 39_000), (8000, 1000)])
    job = replace(long(num_train_epochs=1, max_length=8000), lengths=report)
    cut = [fix for fix in offers(job) if "max_length" in fix.settings]
    assert [fix.settings["max_length"] for fix in cut] == [250]
    assert "1,000 rows would lose their end" in cut[0].text
    many = replace(report, histogram=[(250, 30_000), (8000, 10_000)])
    assert not [fix for fix in offers(replace(job, lengths=many)) if "max_length" in fix.settings]
    text = compose("continue_pretraining", "lora", settings={"max_length": 8000}, facts=EIGHT_BILLION)
    pieces = [fix for fix in offers(replace(job, recipe=text)) if "max_length" in fix.settings]
    assert pieces == [], "plain text is divided, never cut"


def test_a_short_job_needs_nothing() -> None:
    assert not shortening.is_long(replace(long(), lengths=lengths(20)).estimated())
