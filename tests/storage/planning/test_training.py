"""Plans say what is wrong or what it would take; nothing is created before submission."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage import job_inputs
from storage.bases import base_models
from storage.jobs import jobs, leases, worker_rows
from storage.models import Dataset, JobState, User, Worker
from storage.planning import machines, training
from templates import recipe as recipes
from templates.errors import BadInput, NotFound
from templates.layers import Projection
from templates.recipe import Recipe
from tests.contracts import small_models

StoreDataset = Callable[..., Dataset]
ROWS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]


@pytest.fixture
def tickets(store_dataset: StoreDataset) -> Dataset:
    return store_dataset("tickets", "classification", ROWS, 4)


def planned(user: User, **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": "studio-nano", "dataset": "tickets", "objective": "sft", "method": "lora"}
    return training.plan(user, **{**choice, **changes})


def test_a_plan_is_complete(studio: User, tickets: Dataset) -> None:
    plan = planned(studio, settings={"r": 8, "num_train_epochs": 2, "per_device_train_batch_size": 8})
    assert plan.recipe.method_params["r"] == 8
    assert (plan.lengths.n_rows, plan.lengths.n_truncated, plan.lengths.n_refused) == (36, 0, 0)
    assert plan.estimate.steps == 10
    assert plan.estimate.tokens == 2 * plan.lengths.n_tokens
    assert plan.estimate.fits
    assert plan.estimate.n_held_out == 4
    assert plan.estimate.result_bytes == 4 * plan.estimate.n_trained_parameters
    assert not plan.estimate.calibrated
    low, high = plan.estimate.minutes
    assert 0 < low < plan.estimate.seconds / 60 < high < 30


def test_the_instruction_is_the_datasets_unless_another_one_is_given(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("told", "classification", ROWS, 4, instruction="Answer with one of: billing, shipping.")
    none, own, other = planned(studio, dataset="told", instruction=""), planned(studio, dataset="told"), "Be brief."
    assert (none.recipe.instruction, own.recipe.instruction) == ("", "Answer with one of: billing, shipping.")
    assert planned(studio, dataset="told", instruction=other).recipe.instruction == other
    assert own.lengths.n_tokens > none.lengths.n_tokens
    assert own.lengths.n_trained_tokens == none.lengths.n_trained_tokens
    again = recipes.compose(**recipes.read_toml(recipes.to_toml(own.recipe)))
    assert again.instruction == own.recipe.instruction


def test_plain_text_takes_no_instruction(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("letters", "text", [{"text": f"Dear {n}"} for n in range(20)])
    with pytest.raises(BadInput, match="plain text, which has no prompt") as refused:
        planned(studio, dataset="letters", objective="continue_pretraining", instruction="Be brief.")
    assert [problem.field for problem in refused.value.problems] == ["instruction"]


def test_a_plan_says_which_differences_could_be_seen(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS, 20)
    seen = planned(studio).estimate.detectable
    assert seen is not None
    assert (seen.n_rows, seen.n_groups, seen.points) == (20, 20, 31.3)
    again = [{"text": f"{row['text']} {'!' * (n % 2)}", "label": row["label"]} for n, row in enumerate(ROWS * 2)]
    store_dataset("again", "classification", sorted(again, key=lambda row: row["text"].strip("! ")), 40)
    repeated = planned(studio, dataset="again").estimate.detectable
    assert repeated is not None
    assert (repeated.n_rows, repeated.n_groups) == (40, 20)
    store_dataset("letters", "text", [{"text": f"letter {n}"} for n in range(30)], 10)
    plain = planned(studio, dataset="letters", objective="continue_pretraining").estimate
    assert plain.detectable is None, "plain text has no answers to count"


def test_rows_that_the_best_weights_are_chosen_on_are_not_learned(studio: User, tickets: Dataset) -> None:
    whole = planned(studio)
    plan = planned(studio, settings={"load_best_model_at_end": True})
    assert (whole.lengths.n_rows, plan.lengths.n_rows, plan.estimate.n_held_out) == (36, 32, 4)
    assert plan.estimate.disk_bytes == whole.estimate.disk_bytes + plan.estimate.result_bytes
    assert planned(studio, settings={"early_stopping_patience": 3}).lengths.n_rows == 32


def test_a_single_training_row_leaves_nothing_to_choose_on(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", ROWS[:3], 2)
    with pytest.raises(BadInput, match="only one training row") as refused:
        planned(studio, settings={"load_best_model_at_end": True})
    assert [problem.field for problem in refused.value.problems] == ["load_best_model_at_end"]


def test_truncated_rows_are_counted(studio: User, store_dataset: StoreDataset) -> None:
    long = {"text": "a", "label": "tail " * 60}
    store_dataset("tickets", "classification", [*ROWS[:6], long, *ROWS[6:10]], 2)
    plan = planned(studio, settings={"max_length": 64})
    assert plan.lengths.n_truncated == plan.estimate.n_truncated == 1


def test_the_shape_must_be_taken_by_the_objective(studio: User, tickets: Dataset) -> None:
    with pytest.raises(BadInput) as refused:
        planned(studio, objective="continue_pretraining")
    assert "holds classification" in str(refused.value)
    assert "Choose sft" in str(refused.value)


def test_every_problem_at_once(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "text", [{"text": "one"}, {"text": "two"}], 0)
    with pytest.raises(BadInput) as refused:
        planned(studio, settings={"learning_rate": "NaN", "num_train_epochs": -1, "colour": "red"})
    fields = {problem.field for problem in refused.value.problems}
    assert fields == {"objective", "dataset", "learning_rate", "num_train_epochs", "colour"}


def test_a_rank_above_the_width_is_refused(studio: User, tickets: Dataset) -> None:
    with pytest.raises(BadInput, match=r"“r”: rank 300 is larger than .* 128"):
        planned(studio, settings={"r": 300})


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"target_modules": "attention"}, None),
        (
            {"lora_dropout": 0.1},
            "“lora_dropout”: does not work on a mixture of experts. Set target_modules to attention",
        ),
        ({"target_modules": "mlp"}, "“target_modules”: does not work on a mixture of experts"),
        ({"use_dora": True}, "“use_dora”: does not work on a mixture of experts"),
        ({"use_dora": True, "target_modules": "attention"}, None),
    ],
)
def test_settings_that_experts_dont_take_are_refused_before_the_queue(
    studio: User, tickets: Dataset, tmp_path: Path, settings: dict[str, Any], refused: str | None
) -> None:
    base_models.add(studio, "moe", str(small_models.write("qwen3moe", tmp_path / "moe")))
    if refused is None:
        assert planned(studio, base="moe", settings=settings).recipe.method_params.items() >= settings.items()
    else:
        with pytest.raises(BadInput) as caught:
            planned(studio, base="moe", settings=settings)
        assert refused in str(caught.value)


def test_layers_that_the_base_lacks_are_refused_with_those_it_has(
    studio: User, tickets: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = base_models.facts(base_models.get(studio, "studio-nano"))
    mixer = Projection(place="mixer.in_proj", shape=(256, 128), count=4)
    monkeypatch.setattr(base_models, "facts", lambda _row: facts.model_copy(update={"projections": (mixer,)}))
    with pytest.raises(BadInput) as caught:
        planned(studio, settings={"target_modules": "attention"})
    assert "has no attention layers that LoRA can adapt" in str(caught.value)
    assert "its layers are called mixer.in_proj" in str(caught.value)


def test_rows_whose_answers_are_all_cut_off_are_refused(studio: User, store_dataset: StoreDataset) -> None:
    rows = [{"text": "very long " * 100, "label": "x"} for _ in range(10)]
    store_dataset("tickets", "classification", rows, 2)
    with pytest.raises(BadInput) as refused:
        planned(studio, settings={"max_length": 32})
    assert refused.value.code == "every_row_refused"
    assert "all 8 training rows" in str(refused.value)


@pytest.mark.parametrize(("rows", "held_out"), [(2, 2), (2, 0)])
def test_both_sides_of_the_split_need_rows(studio: User, store_dataset: StoreDataset, rows: int, held_out: int) -> None:
    store_dataset("tickets", "classification", ROWS[:rows], held_out)
    with pytest.raises(BadInput, match="has no rows"):
        planned(studio)


def test_unknown_names_are_not_found(studio: User, tickets: Dataset) -> None:
    with pytest.raises(NotFound, match="no model “nanoo”"):
        planned(studio, base="nanoo")
    with pytest.raises(NotFound, match="dataset “ticket”"):
        planned(studio, dataset="ticket")


def worker_with(memory_bytes: int, **facts: Any) -> Worker:
    return worker_rows.register(
        device="cpu",
        slots=1,
        memory_total_bytes=memory_bytes,
        memory_free_bytes=memory_bytes,
        disk_free_bytes=10**12,
        **facts,
    )


def test_a_job_that_does_not_fit_says_what_would_make_it_fit(studio: User, store_dataset: StoreDataset) -> None:
    rows = [{"text": "word " * 250, "label": "yes"} for _ in range(300)]
    store_dataset("tickets", "classification", rows, 10)
    worker_with(1_200_000_000)
    wanted = {"per_device_train_batch_size": 256, "max_length": 512}
    with pytest.raises(training.DoesNotFit) as refused:
        planned(studio, settings=wanted)
    advice = refused.value.estimate.advice
    assert advice
    assert refused.value.code == "does_not_fit"
    assert advice[0].text in str(refused.value)
    assert refused.value.as_dict()["error"]["advice"][0]["settings"] == advice[0].settings
    for fix in advice:
        plan = planned(studio, method=fix.method or "lora", settings={**wanted, **fix.settings})
        assert plan.estimate.fits
        training_params = plan.recipe.training()
        batch, added = training_params.per_device_train_batch_size, training_params.gradient_accumulation_steps
        assert batch * added == 256


def test_nothing_fits_where_not_even_the_process_does(studio: User, tickets: Dataset) -> None:
    worker_with(300_000_000)
    with pytest.raises(training.DoesNotFit, match="Choose a smaller base model"):
        planned(studio)


def test_a_measured_worker_makes_the_estimate_calibrated(studio: User, tickets: Dataset) -> None:
    guessed = planned(studio).estimate
    worker_with(8 * 10**9, flop_per_s=1e11)
    measured = planned(studio).estimate
    assert measured.calibrated
    assert measured.seconds < guessed.seconds
    assert measured.seconds_high / measured.seconds_low < guessed.seconds_high / guessed.seconds_low


def test_submission_makes_one_job_with_its_estimate(studio: User, tickets: Dataset) -> None:
    plan = planned(studio)
    job = training.submit(studio, plan, name="tickets-lora", idem_key="click")
    assert training.submit(studio, plan, name="tickets-lora", idem_key="click").id == job.id
    assert len(jobs.of_user(studio)) == 1
    assert (job.kind, job.state) == ("train", JobState.QUEUED)
    used = [(one.role, one.thing.id) for one in job_inputs.of_job(job.id)]
    assert used == [("base", plan.base_row.id), ("training", plan.dataset_row.id)]
    assert recipes.Recipe.model_validate(job.spec["recipe"]) == plan.recipe
    assert job.estimate is not None
    assert job.estimate["steps"] == plan.estimate.steps


@pytest.mark.parametrize("name", ["", "../../x", "a b", "-x", "x" * 65, "a\0b", "<img src=x>", "a/b", "studio-nano"])
def test_unusable_names_create_nothing(studio: User, tickets: Dataset, name: str) -> None:
    with pytest.raises(BadInput):
        training.submit(studio, planned(studio), name=name)
    assert jobs.of_user(studio) == []


def test_a_name_is_held_until_its_job_has_ended(studio: User, tickets: Dataset) -> None:
    job = training.submit(studio, planned(studio), name="mine")
    with pytest.raises(BadInput, match="a job that has not ended"):
        training.submit(studio, planned(studio), name="mine")
    jobs.cancel(studio, job.id)
    assert training.submit(studio, planned(studio), name="mine").id != job.id


def test_an_earlier_job_sets_the_pace(studio: User, tickets: Dataset) -> None:
    job = training.submit(studio, planned(studio), name="first")
    lease = leases.claim(worker_with(8 * 10**9), job.id)
    assert lease is not None
    leases.succeed(lease, result={}, actual={"tokens_per_s": 50.0})
    estimate = planned(studio).estimate
    assert "earlier job" in estimate.based_on
    assert estimate.calibrated
    assert estimate.seconds_by_stage["training"] == pytest.approx(estimate.tokens / 50, rel=0.2)


def test_vectors_before_each_row_count_in_an_earlier_pace(studio: User, tickets: Dataset) -> None:
    job = training.submit(studio, planned(studio, method="prompt_tuning"), name="first")
    worker = worker_with(8 * 10**9)
    lease = leases.claim(worker, job.id)
    assert lease is not None
    recipe = Recipe.model_validate(job.spec["recipe"])
    rows, n_virtual = recipe.training().per_device_train_batch_size, recipe.method_params["num_virtual_tokens"]
    actual = {"tokens_per_s": 50.0, "steps": 10, "trained_tokens": 10 * rows * 20}
    leases.succeed(lease, result={}, actual=actual)
    pace = machines.earlier_pace(planned(studio).base_row.id, recipe, None)
    assert pace is not None
    assert pace.tokens_per_s == pytest.approx(50 * (20 + n_virtual) / 20)
    again = planned(studio, method="prompt_tuning").estimate
    assert again.seconds_by_stage["training"] == pytest.approx(again.tokens / pace.tokens_per_s, rel=0.2)
