"""A reward model is found, checked, priced and kept as an input of the job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from storage import db, job_inputs, users
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Dataset, JobState, User
from storage.models import Job as JobRow
from storage.planning import estimates, refusals, reward_costs, reward_models, training
from templates.errors import BadInput, Conflict
from templates.roles import Role
from tests.judges import RANKS, publish_judge

ROWS = [{"prompt": f"where is parcel {n}?", "completion": f"in the van {n}"} for n in range(40)]


@pytest.fixture(autouse=True)
def parcels(store_dataset: Callable[..., Dataset]) -> None:
    store_dataset("parcels", "prompt_completion", ROWS, 4)


def planned(user: User, **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": "studio-small", "dataset": "parcels", "objective": "rloo", "method": "lora"}
    return training.plan(user, **{**choice, "reward": "my-judge", **changes})


def refused(user: User, **changes: Any) -> list[tuple[str | None, str, str | None]]:
    with pytest.raises(BadInput) as raised:
        planned(user, **changes)
    return [(problem.field, problem.message, problem.remedy) for problem in raised.value.problems]


def test_it_rewards_alone_unless_checks_are_named_and_stays_while_the_job_needs_it(studio: User) -> None:
    judge = publish_judge(studio)
    plan = planned(studio)
    assert plan.reward == judge
    assert plan.recipe.objective_params["verifiers"] == []
    assert "the score from the reward model “my-judge”" in plan.notes[0]
    both = planned(studio, settings={"verifiers": ["length"], "reward_model_weight": 0.5})
    assert both.recipe.objective_params["verifiers"] == ["length"]
    assert "“my-judge” reads every answer" in both.notes[2]
    assert both.notes[0].endswith("“Length in words” (1), the score from the reward model “my-judge” (0.5)")
    job = training.submit(studio, plan, name="liked")
    assert job_inputs.of_job(job.id).model(Role.REWARD) == judge
    with pytest.raises(Conflict, match="“my-judge” is used by the job “liked”"):
        artifacts.delete(studio, "my-judge")
    again = jobs.retry(studio, jobs.cancel(studio, job.id).id)
    assert job_inputs.of_job(again.id).model(Role.REWARD) == judge
    assert reward_models.pair_accuracy(judge) == RANKS


def test_its_reading_and_its_memory_are_in_the_estimate(studio: User) -> None:
    publish_judge(studio)
    publish_judge(studio, "large-judge", "studio-small")
    settings = {"verifiers": ["length"]}
    without, small, large = (
        planned(studio, reward=name, settings=settings).estimate for name in (None, "my-judge", "large-judge")
    )
    assert reward_costs.PART not in without.memory_by_part
    assert 0 < small.memory_by_part[reward_costs.PART] < large.memory_by_part[reward_costs.PART]
    for stage in ("preparing", "training", "evaluating"):
        assert without.seconds_by_stage[stage] < small.seconds_by_stage[stage] < large.seconds_by_stage[stage]


def test_without_a_check_and_a_reward_model_nothing_rewards(studio: User) -> None:
    ((field, message, remedy),) = refused(studio, reward=None, settings={"verifiers": []})
    assert field == "verifiers"
    assert "neither a check nor a reward model" in message
    assert "reward" in str(remedy)
    ((field, message, _),) = refused(studio, reward=None, settings={"reward_model_weight": 2})
    assert field == "reward_model_weight"
    assert "none is named" in message


def test_what_is_no_reward_model_of_ones_own_is_refused_at_its_field(studio: User) -> None:
    ((field, message, remedy),) = refused(studio)
    assert (field, message) == ("reward", "There is no reward model “my-judge”.")
    assert "the objective “reward” makes it" in str(remedy)
    publish_judge(users.add("bob", "a long password"))
    assert refused(studio)[0][1] == "There is no reward model “my-judge”.", "another person's"
    publish_judge(studio)
    assert refused(studio, reward="studio-nano")[0][2] == "Known: my-judge."
    ((field, message, remedy),) = refused(studio, objective="sft")
    assert field == "reward"
    assert "takes no reward model" in message
    assert "grpo or rloo" in str(remedy)
    artifacts.delete(studio, "my-judge")
    assert refused(studio)[0][:2] == ("reward", "There is no reward model “my-judge”.")


def test_one_that_is_still_being_trained_is_called_that(studio: User) -> None:
    publish_judge(studio)
    job = jobs.submit(studio, name="next-judge", kind="train", spec={"recipe": {}}, inputs=[])
    ((field, message, remedy),) = refused(studio, reward="next-judge")
    assert field == "reward"
    assert "the job that makes it has not ended" in message
    assert "Wait" in str(remedy)
    with db.writing() as session:
        session.get_one(JobRow, job.id).state = JobState.FAILED
    assert "There is no reward model" in refused(studio, reward="next-judge")[0][1]


def test_longer_sequences_than_it_reads_are_refused_with_what_fits(studio: User) -> None:
    publish_judge(studio)
    settings = {"max_length": 1000, "max_completion_length": 100}
    ((field, message, remedy),) = refused(studio, settings=settings)
    assert field == "max_length"
    assert "reads 1,024 tokens; prompt and answer may have 1,100" in message
    assert "at most 924" in str(remedy)
    ((field, _, _),) = refused(studio, settings={"max_completion_length": 1020})
    assert field == "max_completion_length"


def test_one_that_does_not_fit_is_named(studio: User) -> None:
    publish_judge(studio)
    found = planned(studio).estimate
    held = found.memory_by_part[reward_costs.PART]
    short = found.model_copy(update={"memory_free_bytes": int((found.memory_bytes - held / 2) / estimates.ROOM)})
    told = refusals.too_large(short, reward="my-judge")
    assert told.field == "reward"
    assert told.message.startswith("With the reward model “my-judge”, which takes ≈ ")
    assert str(told.remedy).startswith("Choose a smaller reward model, leave it out and pick checks")
    hopeless = refusals.too_large(short.model_copy(update={"memory_free_bytes": 1}), reward="my-judge")
    assert hopeless.field is None, "without it the job would not fit either"
