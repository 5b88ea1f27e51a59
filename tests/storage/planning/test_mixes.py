"""Plans of trainings on several datasets: shares, what is left out, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from storage import job_inputs
from storage.data import datasets, openings
from storage.gallery import suites
from storage.jobs import jobs, leases, worker_rows
from storage.models import Dataset, User
from storage.planning import mixes, training
from storage.settings import settings
from templates.errors import BadInput, Conflict, NotFound
from templates.roles import Role

StoreDataset = Callable[..., Dataset]
TICKETS = [{"text": f"where is parcel {n}?", "label": "shipping" if n % 2 else "billing"} for n in range(40)]
MOODS = [
    {"text": f"I felt {'good' if n % 2 else 'bad'} in week {n}", "label": "happy" if n % 2 else "sad"}
    for n in range(20)
]


@pytest.fixture
def two(store_dataset: StoreDataset) -> None:
    store_dataset("tickets", "classification", TICKETS, 4)
    store_dataset("moods", "classification", MOODS, 4, instruction="Answer with one of: happy, sad.")


def planned(user: User, weights: Mapping[str, float | None], **changes: Any) -> training.Plan:
    choice: dict[str, Any] = {"base": "studio-nano", "dataset": "tickets", "objective": "sft", "method": "lora"}
    return training.plan(user, **{**choice, "weights": weights, **changes})


@pytest.mark.usefixtures("two")
def test_shares_are_counted_before_launch(studio: User) -> None:
    alone, plan = planned(studio, {}), planned(studio, {"tickets": None, "moods": None})
    assert alone.portions == ()
    assert [(one.name, one.n_rows, one.per_pass) for one in plan.portions] == [("tickets", 36, 36), ("moods", 16, 16)]
    assert (plan.lengths.n_examples, plan.lengths.n_rows, plan.estimate.n_held_out) == (52, 52, 8)
    weighed = planned(studio, {"tickets": 0.5, "moods": 0.5})
    assert [one.per_pass for one in weighed.portions] == [36, 36]
    assert weighed.lengths.n_examples == 72
    assert weighed.estimate.steps > plan.estimate.steps > alone.estimate.steps
    told = planned(studio, {"tickets": None, "moods": None}, instruction="Be brief.")
    assert told.portions[0].n_tokens == plan.portions[0].n_tokens
    assert told.lengths.n_tokens > plan.lengths.n_tokens, "only the first dataset's prompts have that instruction"


@pytest.mark.usefixtures("two")
def test_the_job_has_every_dataset_with_its_weight(studio: User) -> None:
    plan = planned(studio, {"moods": 0.3, "tickets": 0.7})
    job = training.submit(studio, plan, name="both")
    used = job_inputs.of_job(job.id)
    assert [one.name for one in used.all(Role.TRAINING)] == ["tickets", "moods"], "the first one is the verdict's"
    assert job.spec["mix"] == {
        "weights": [0.7, 0.3], "instructions": ["Answer with one of: happy, sad."], "replayed": [],
        "prompts_first": False,
    }  # fmt: skip
    with pytest.raises(Conflict, match="used by the job “both”"):
        datasets.delete(studio, "moods")


@pytest.mark.usefixtures("two")
def test_a_row_held_out_in_one_is_not_learned_through_another(studio: User, store_dataset: StoreDataset) -> None:
    leaky = [*MOODS, {"text": "Where is parcel 38?", "label": "happy"}, {"text": "WHERE is parcel 1?", "label": "sad"}]
    store_dataset("leaky", "classification", [*leaky, {"text": "where is parcel 3?", "label": "happy"}], 1)
    plan = planned(studio, {"tickets": None, "leaky": None})
    tickets, other = plan.portions
    assert other.left_out == (22,), "row 22 of the file asks what row 40 of the tickets asks, which is held out"
    assert tickets.left_out == (5,), "and row 5 of the tickets is held out in the other"
    assert (tickets.n_rows, other.n_rows) == (35, 21)


@pytest.mark.usefixtures("two")
def test_replayed_rows_are_learned_and_not_judged(studio: User, store_dataset: StoreDataset) -> None:
    store_dataset(
        "general", "text", [{"text": f"Letter {n}: all is well here, and the sea is calm."} for n in range(50)], 10
    )
    plan = planned(studio, {}, replay={"general": 0.25})
    task, replayed = plan.portions
    assert (task.per_pass, replayed.per_pass, replayed.n_rows, replayed.replayed) == (36, 12, 40, True)
    assert plan.estimate.n_held_out == 4
    job = training.submit(studio, plan, name="keeps")
    used = job_inputs.of_job(job.id)
    assert [one.name for one in used.all(Role.REPLAY)] == ["general"]
    assert used.measured_on is not None
    assert used.measured_on.name == "tickets"
    assert job.spec["mix"]["replayed"] == [0.25]


@pytest.mark.usefixtures("two")
def test_replayed_rows_never_ask_what_the_suite_asks(
    studio: User, store_dataset: StoreDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suites, "forgetting_items", lambda _method: 2)
    items = suites.asked_of("general", 2).items
    said = [
        {"prompt": "\n".join(turn["content"] for turn in item.messages), "completion": item.answer} for item in items
    ]
    asked = [*said, *({"prompt": f"tell me a story about day {n}", "completion": "No."} for n in range(8))]
    store_dataset("own", "prompt_completion", asked, 0)
    (_, replayed) = planned(studio, {}, replay={"own": None}).portions
    assert set(range(2, 2 + len(items))) <= set(replayed.left_out)
    assert replayed.n_rows <= 8


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": {"tickets": None, "tickets-2": None}}, "holds the same rows as “tickets”"),
        ({"weights": {"tickets": 1.0, "moods": None}}, "some datasets have a weight, but not “moods”"),
        ({"weights": {"tickets": None, "letters": None}}, "“letters” holds text"),
        ({"replay": {"bare": None}}, "“bare” holds prompt_only, which can't be replayed"),
        ({"objective": "pretrain", "replay": {"letters": None}}, "pretrain learns from one dataset alone"),
        (
            {"weights": {"tickets": None, "twins": None}},
            "All training rows of “twins” ask (nearly) the same as the verdict",
        ),
    ],
)
def test_what_is_refused(studio: User, store_dataset: StoreDataset, changes: dict[str, Any], said: str) -> None:
    store_dataset("tickets-2", "classification", TICKETS, 4)
    store_dataset("letters", "text", [{"text": f"Dear {n}"} for n in range(9)])
    store_dataset("bare", "prompt_only", [{"prompt": f"what is {n}?"} for n in range(9)])
    store_dataset("twins", "classification", [*TICKETS[36:], *MOODS[:2]], 2)
    with pytest.raises(BadInput) as refused:
        planned(studio, **{"weights": {}, **changes})
    assert said in str(refused.value)


@pytest.mark.usefixtures("two")
def test_answers_to_score_are_counted_for_each_dataset(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    few = settings().model_copy(update={"eval_rows": 3})
    monkeypatch.setattr(mixes, "settings", lambda: few)
    both = planned(studio, {"tickets": None, "moods": None}).estimate
    assert (both.n_held_out, both.n_answered) == (8, 6)
    assert planned(studio, {}).estimate.n_answered == 3


@pytest.mark.usefixtures("two")
def test_an_unknown_dataset_is_named(studio: User) -> None:
    with pytest.raises(NotFound, match="There is no dataset “nowhere”"):
        planned(studio, {"tickets": None, "nowhere": None})


@pytest.mark.usefixtures("two")
def test_a_verdict_opens_every_dataset_it_was_measured_on(studio: User) -> None:
    job = training.submit(studio, planned(studio, {"tickets": None, "moods": None}), name="both")
    lease = leases.claim(worker_rows.register(device="cpu", slots=1), job.id)
    assert lease
    assert [openings.of(datasets.get(studio, name)) for name in ("tickets", "moods")] == [0, 0]
    first = job_inputs.of_job(job.id).measured_on
    assert first
    leases.succeed(lease, opened=first.id, result={}, actual={})
    assert [openings.of(datasets.get(studio, name)) for name in ("tickets", "moods")] == [1, 1]
    assert jobs.get(studio, job.id).state == "SUCCEEDED"
