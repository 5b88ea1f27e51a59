"""The Train page offers reward models where answers are rewarded, and keeps the choice."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from app.pages import job_charts, lineage, rerun, rewarded_answers, train_address, train_form, verdicts
from app.pages.filled import Filled
from storage import job_inputs
from storage.data import datasets, uploads
from storage.gallery import artifacts
from storage.jobs import jobs
from storage.models import Dataset, Job, JobEvent, JobMetric, User
from storage.planning import training
from tests.judges import publish_judge

REWARD = 10
"""The place of the reward model among the outputs of what redraws the form."""


@pytest.fixture
def request_of(asking: Any, studio: User) -> gr.Request:
    return asking(studio)  # type: ignore[no-any-return]


def aimed(request: gr.Request, **typed: Any) -> tuple[Any, Filled]:
    """The form with the goal chosen, and the reward model's update."""
    before = Filled(**train_form.opened(request)[-1])
    drawn = train_form.aimed(request, replace(before, objective="rloo", base="studio-nano", **typed), before)
    return drawn[REWARD], Filled(**drawn[-1])


@pytest.mark.usefixtures("tickets")
def test_it_is_offered_only_where_answers_are_rewarded(request_of: gr.Request, studio: User) -> None:
    assert not train_form.opened(request_of)[4:][REWARD]["visible"]
    choice, form = aimed(request_of)
    assert choice["visible"]
    assert choice["value"] == form.reward == ""
    assert "You have none yet" in choice["info"]
    assert "reward_model_weight" not in form.values, "without a reward model it means nothing"
    publish_judge(studio)
    choice, _ = aimed(request_of)
    assert ("my-judge · ranks 90 % [80, 95] of held-out pairs right", "my-judge") in choice["choices"]
    assert "You have none" not in choice["info"]


@pytest.mark.usefixtures("tickets")
def test_it_may_reward_alone_and_the_card_says_so(request_of: gr.Request, studio: User) -> None:
    publish_judge(studio)
    _, before = aimed(request_of)
    form = Filled(**train_form.chosen(request_of, replace(before, reward="my-judge"), before)[-1])
    assert form.values["reward_model_weight"] == 1
    assert form.values["verifiers"] == [], "as by command"
    both = replace(form, values={**form.values, "verifiers": ["label"]}).plan(studio)
    assert both.reward
    assert (both.reward.name, both.recipe.objective_params["verifiers"]) == ("my-judge", ["label"])
    alone = form
    assert "the score from the reward model “my-judge”" in str(train_form.checked(request_of, alone)[1])
    nothing = replace(alone, reward="", values={**alone.values})
    assert "neither a check nor a reward model" in str(train_form.checked(request_of, nothing)[0])
    back = Filled(**train_form.aimed(request_of, replace(form, objective="sft"), form)[-1])
    assert back.reward == ""
    assert back.plan(studio).reward is None


@pytest.mark.usefixtures("tickets")
def test_the_address_and_a_repeated_job_keep_it(
    request_of: gr.Request, studio: User, asking: Any, tickets: Dataset
) -> None:
    publish_judge(studio)
    _, form = aimed(request_of, reward="my-judge")
    kept = json.loads(train_address.written(request_of, form, "n", "n")[1])
    assert kept["reward"] == "my-judge"
    told = asking(studio, objective="rloo", base="studio-nano", reward="my-judge")
    read = train_address.read(told, Filled("sft", "studio-nano", tickets.name, "lora"), tickets)
    assert (read.objective, read.reward) == ("rloo", "my-judge")
    job = training.submit(studio, form.plan(studio), name="liked")
    assert "reward: my-judge" in lineage.models(job_inputs.of_job(job.id))
    found = rerun.reopened(studio, job)
    assert found
    assert Filled(**train_form.drawn(studio, found.form)[-1]).reward == "my-judge"
    jobs.cancel(studio, job.id)
    artifacts.delete(studio, "my-judge")
    gone = rerun.reopened(studio, job)
    assert gone
    assert gone.form.reward == ""
    assert any("“my-judge” no longer exists" in remark for remark in gone.remarks)


def test_scores_stand_beside_the_checks_in_what_was_rewarded() -> None:
    one = {"prompt": "p", "reference": "", "answer": "a", "ended": False, "masked": True, "reward": -0.5}
    event = JobEvent(
        job_id="j", kind="rewarded", data={"step": 1, "examples": [{**one, "rewards": {"reward_model": -0.5}}]}
    )
    shown = str(rewarded_answers.block([event]))
    assert "from the reward model" in shown
    assert "counts no higher than the lowest other" in shown
    assert "passed:" not in shown


def test_beside_checks_the_verdict_has_a_sentence_of_its_own() -> None:
    interval = {"value": 0.8, "low": 0.7, "high": 0.9}
    pair = {"base": interval, "adapted": interval, "difference": interval}
    found = {"verdict": "better", "sentence": "Better.", "liked": {"sentence": "not that people like it"}}
    beside = verdicts.block({**found, "headline": "checks_passed", "metrics": {"checks_passed": pair}})
    assert "not that people like it" in str(beside)
    alone = verdicts.block({**found, "headline": "scored_higher", "metrics": {"scored_higher": pair}})
    assert "not that people like it" not in str(alone), "it is in the verdict's own sentence"
    assert "Scored higher by the reward model" in str(alone)


@pytest.mark.usefixtures("tickets")
def test_one_that_is_gone_is_said(asking: Any, studio: User) -> None:
    publish_judge(studio)
    shown = train_form.opened(asking(studio, objective="rloo", base="studio-nano", reward="gone-judge"))
    assert "There is no reward model “gone-judge”" in shown[0]
    assert "opened without one" in shown[0]
    assert Filled(**shown[-1]).reward == ""
    assert "reward model" not in train_form.opened(asking(studio, objective="rloo", reward="my-judge"))[0]


@pytest.mark.usefixtures("tickets")
def test_without_one_the_way_to_it_leads_to_pairs(request_of: gr.Request, studio: User) -> None:
    choice, _ = aimed(request_of)
    assert "[Add pairs of a chosen and a rejected answer](data)" in choice["info"]
    pairs = [{"prompt": f"say {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(20)]
    sent = uploads.save(studio, "pairs.jsonl", io.BytesIO("\n".join(map(json.dumps, pairs)).encode()))
    datasets.add(studio, sent, name="my pairs", shape="preference")
    choice, _ = aimed(request_of, data="tickets")
    assert "(train?objective=reward&data=my%20pairs)" in choice["info"]


def test_the_chart_says_what_the_weights_are_chosen_by() -> None:
    job = Job(
        owner_id="u", idem_key="k", name="n", kind="train", spec={"recipe": {"objective": "rloo"}},
        spec_sha256="0", total_steps=4, created_at=0.0,
    )  # fmt: skip

    def drawn(**chosen_by: float) -> str:
        points = [
            JobMetric(job_id="j", split=split, step=step, attempt=1, values=values, at=0.0)
            for split, values in (("train", {"loss": 0.0, "reward": 0.5}), ("selection", chosen_by))
            for step in (1, 2)
        ]
        return str(job_charts.of(job, points)[0])

    assert "the weights with the highest are published" in drawn(reward=0.4)
    missed = drawn(**{"share not passed": 0.4})
    assert missed.count("share not passed") > 0
    assert "the weights with the lowest are published" in missed
