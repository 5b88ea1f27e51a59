"""What the Jobs page says in each state, from the database alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from sqlmodel import Session

from app.pages import job_list
from app.pages import jobs as page
from storage import db, users
from storage.data import openings
from storage.jobs import events, jobs
from storage.models import Artifact, Dataset, Job, JobMetric, JobState, User
from storage.planning import evaluations, training
from templates import registry
from templates.metrics import Metric
from tests.small_suite import small_forgotten, small_own_words, small_result

NAMES = ("alert", "head", "outcome", "stages", "progress", "remarks", "chart", "rewarded", "numbers_fold")
NAMES += ("numbers", "log", "keep", "discard", "retry")


@pytest.fixture
def job(studio: User, tickets: Dataset) -> Job:
    """A job that waits."""
    planned = training.plan(
        studio, base="studio-nano", dataset="tickets", objective="sft", method="lora", preset="quick"
    )
    return training.submit(studio, planned, name="tickets-lora")


def shown(request: gr.Request, subject: str) -> dict[str, Any]:
    return dict(zip(NAMES, page.live(request, subject), strict=True)) | {"listing": listed(request)}


def listed(request: gr.Request) -> str:
    """The whole list of jobs."""
    return str(job_list.show(request, "", "", "", "")[3])


def change(job: Job, **values: Any) -> None:
    with db.writing() as session:
        row = session.get_one(Job, job.id)
        for name, value in values.items():
            setattr(row, name, value)


def put(session: Session, job: Job, split: str, step: int, **values: float) -> None:
    events.put_metric(session, JobMetric(job_id=job.id, split=split, step=step, attempt=1, values=values, at=0.0))


def test_a_waiting_job_says_its_place(studio: User, job: Job, asking: Any) -> None:
    seen = shown(asking(studio), job.id)
    assert "number 1 in the queue" in seen["progress"]
    assert 'aria-current="step">queued' in seen["stages"]
    assert seen["discard"]["visible"]
    assert not seen["retry"]["visible"]


def test_a_running_job_shows_progress_chart_and_table(studio: User, job: Job, asking: Any) -> None:
    change(job, state=JobState.RUNNING, stage="training", attempt=1, step=5, total_steps=10, eta_s=400.0)
    change(
        job, estimate={**(job.estimate or {}), "seconds_by_stage": {"preparing": 0, "training": 60, "evaluating": 60}}
    )
    with db.writing() as session:
        for step in range(1, 6):
            values = {"loss": 5.0 / step, "tokens_per_s": 1234.0, "memory_bytes": 700_000_000}
            put(session, job, "train", step, **values)
        put(session, job, "held_out", 5, loss=2.5)
        events.append(session, job.id, 1, "stage", stage="training")
        events.append(session, job.id, 1, "requeued", why="its worker stopped responding")
    seen = shown(asking(studio), job.id)
    assert 'aria-valuenow="25"' in seen["progress"], "half of the training is a quarter of the job"
    assert "≈ 5–10 min left" in seen["progress"]
    assert "1,234 tokens/s" in seen["progress"]
    assert "700 MB" in seen["progress"]
    assert "<svg" in seen["chart"]
    assert "2.5000" in seen["numbers"]
    assert "its worker stopped responding" in seen["remarks"]
    assert seen["keep"]["visible"]


def test_every_metric_that_was_reported_has_a_chart(
    studio: User, job: Job, asking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    margin = Metric("rewards/margins", "Reward margin", unit="nats")
    sft = replace(registry.objective("sft"), metrics=(margin,))
    monkeypatch.setattr(registry, "objectives", lambda: {"sft": sft})
    change(job, state=JobState.RUNNING, stage="training", attempt=1, step=2, total_steps=2)
    with db.writing() as session:
        put(session, job, "train", 1, **{"loss": 2.0, "learning_rate": 0.1, "rewards/margins": -0.5})
        put(session, job, "train", 2, **{"loss": 1.0, "learning_rate": 0.1, "rewards/margins": 0.5, "<kl>": 3.0})
        put(session, job, "held_out", 2, **{"loss": 1.5, "rewards/margins": 0.25})
    seen = shown(asking(studio), job.id)
    assert seen["chart"].count("<svg") == 3
    assert "Reward margin against steps: training reward margin 0.50 at step 2, held-out" in seen["chart"]
    assert "in nats; higher is better" in seen["chart"]
    assert "training &lt;kl&gt;" in seen["chart"]
    assert "<td>2</td><td>0.5000</td><td>0.2500</td>" in seen["numbers"]
    with db.writing() as session:
        put(session, job, "selection", 2, loss=1.25)
    seen = shown(asking(studio), job.id)
    assert "Loss against steps: selection loss 1.25 at step 2" in seen["chart"]
    assert "against steps; the weights with the lowest are published" in seen["chart"]
    assert "Selection loss</th></tr></thead><tbody>\n<tr><td>2</td><td>1.2500</td>" in seen["numbers"]
    assert "learning rate 0.1" in seen["progress"]


def test_a_failure_opens_with_cause_and_remedy(studio: User, job: Job, asking: Any) -> None:
    change(
        job, state=JobState.FAILED, error_code="nan", error="The loss <i>left</i> all bounds.", remedy="Lower the rate."
    )
    seen = shown(asking(studio), job.id)
    assert "The loss &lt;i&gt;left" in seen["outcome"]
    assert "Lower the rate." in seen["outcome"]
    assert seen["retry"]["visible"]
    assert not seen["discard"]["visible"]


def test_scores_on_a_suite_are_a_chart_and_a_table(studio: User, asking: Any) -> None:
    job = evaluations.submit(studio, models=["studio-nano"], suite="general", name="abilities")
    change(job, state=JobState.RUNNING, stage="evaluating", attempt=1)
    with db.writing() as session:
        events.append(session, job.id, 1, "evaluated", model="studio-nano", rows=30, of=60)
    assert "scoring studio-nano on the general suite: 50 %" in shown(asking(studio), job.id)["progress"]
    change(job, state=JobState.SUCCEEDED, result=small_result("studio-nano"))
    alone = shown(asking(studio), job.id)["outcome"]
    assert "known phrasing" in alone
    assert alone.count("<circle") == 2 * 5
    assert "<td>passages value</td>" in alone
    assert "80 % [70, 90]" in alone
    assert "evaluation on the general suite" in shown(asking(studio), "")["listing"]
    change(job, result=small_result("studio-nano", "<tuned>", "other"))
    compared = shown(asking(studio), job.id)["outcome"]
    assert compared.count("<svg") == 2
    assert "Lost 30 points [20, 40]" in compared
    assert "−30 [−40, −20]" in compared
    assert "<tuned>" not in compared
    assert "answers cut off at the token limit: 2, counted as wrong" in compared


def test_the_verdict_leads_to_the_comparison(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    job, artifact = finished
    outcome = shown(asking(studio), job.id)["outcome"]
    assert "Better" in outcome
    assert "&lt;b&gt;against" in outcome
    assert 'href="compare?models=studio-nano,tickets-lora"' in outcome
    assert f'href="api/v1/artifacts/{artifact.id}/download"' in outcome
    assert "took 1 min 5 s" in outcome
    _, fold, change_filter, table = page.open_answers(asking(studio), job.id)
    assert fold["visible"]
    assert change_filter["value"] == "better"
    assert "&lt;script&gt;" in table
    assert "my limit?" not in table
    assert "my limit?" in page.filter_answers(asking(studio), job.id, "all")[1]


TRIVIAL = {"words": "always answering “<refund>”", "answer": "<refund>", "difference": None, "beaten": False,
           "metrics": {"label_accuracy": {"value": 0.6, "low": 0.5, "high": 0.7}}}  # fmt: skip


def test_the_trivial_answer_is_a_mark_in_the_bars(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    job, _ = finished
    assert "mark-row" not in shown(asking(studio), job.id)["outcome"]
    change(job, result={**(job.result or {}), "trivial": TRIVIAL})
    outcome = shown(asking(studio), job.id)["outcome"]
    assert outcome.count('<path class="mark" d="M60.0 0 V12"/>') == 2
    assert "always answering “&lt;refund&gt;”" in outcome
    assert '60 % <span class="quiet">[50, 70]</span>' in outcome


def test_a_verdict_of_an_earlier_version_is_still_shown(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    job, _ = finished
    earlier = {"majority": {"label": "lost", "share": 0.25, "beaten": True}, "unknown_labels": None}
    change(job, result={**(job.result or {}), **earlier})
    outcome = shown(asking(studio), job.id)["outcome"]
    assert '<b class="badge better">Better.</b> Label accuracy' in outcome
    assert '<path class="mark" d="M25.0 0 V12"/>' in outcome
    assert "always answering “lost”" in outcome


def test_answers_that_are_not_usable_are_shown(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    job, _ = finished
    claim = "Lower loss, answers not usable yet"
    example = {"row": 1200, "expected": "No worries. It is <free>.", "given": ""}
    result = {"verdict": "lower_loss", "claim": claim, "sentence": f"{claim}. The loss fell.", "examples": [example]}
    change(job, result={**(job.result or {}), **result})
    outcome = shown(asking(studio), job.id)["outcome"]
    assert f'<b class="badge lower_loss">{claim}.</b> The loss fell.' in outcome
    assert "Row 1,200" in outcome
    assert "No worries. It is &lt;free&gt;." in outcome
    assert "nothing" in outcome


def test_a_claim_may_have_full_stops(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    job, _ = finished
    claim = "Not better than always answering “Thank you. We will.”"
    change(job, result={**(job.result or {}), "claim": claim, "sentence": f"{claim}. Exact match 3 %."})
    assert f">{claim}.</b> Exact match 3 %.</p>" in shown(asking(studio), job.id)["outcome"]


def test_a_stopped_job_says_where_it_stopped(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    job, _ = finished
    assert "stopped" not in shown(asking(studio), job.id)["listing"]
    change(job, step=6, total_steps=61, result={**(job.result or {}), "stopped": {"step": 6, "of": 61}})
    seen = shown(asking(studio), job.id)
    assert "stopped at 6 of 61 steps" in seen["listing"]
    assert "stopped at 6 of 61 steps<time>" in seen["stages"]
    assert '<td class="number">10 %</td>' in seen["listing"]
    change(job, result={k: v for k, v in (job.result or {}).items() if k != "stopped"}, cancel_keep=True)
    assert "stopped at 6 of 61 steps" in shown(asking(studio), job.id)["listing"], "an earlier version's job too"


def test_the_verdict_shows_what_its_objective_measures(
    studio: User, finished: tuple[Job, Artifact], asking: Any
) -> None:
    job, _ = finished
    measure = {"title": "Preferred <b>", "unit": "%", "higher_is_better": True, "base": 0.5, "adapted": 0.75, "n": 20,
               "interval": {"value": 0.25, "low": 0.1, "high": 0.4}, "better": True}  # fmt: skip
    change(job, result={**(job.result or {}), "measures": {"preferred": measure}})
    said = (
        "<dt>Preferred &lt;b&gt;</dt><dd>75 % against 50 % for the base: +25 points [+10, +40] on 20 rows, better</dd>"
    )
    assert said in shown(asking(studio), job.id)["outcome"]


def test_the_verdict_says_how_often_its_held_out_side_was_opened(
    studio: User, finished: tuple[Job, Artifact], tickets: Dataset, asking: Any
) -> None:
    job, _ = finished
    outcome = shown(asking(studio), job.id)["outcome"]
    assert "used these held-out rows" not in outcome
    assert "Brackets are 95 % intervals" in outcome
    evaluation = evaluations.submit(studio, models=["studio-nano"], dataset="tickets", name="scores")
    scores = {"chrf": {"value": 0.4, "low": 0.3, "high": 0.5}, "loss": {"value": 2.0, "low": 1.5, "high": 2.5}}
    result = {"models": [{"name": "studio-nano", "metrics": scores}], "comparisons": []}
    change(evaluation, state=JobState.SUCCEEDED, result=result)
    with db.writing() as session:
        for opened in (job, evaluation):
            openings.record(session, job_id=opened.id, attempt=1, dataset_id=tickets.id)
    said = "2 verdicts have used these held-out rows; each of them makes a lucky result likelier."
    assert said in shown(asking(studio), job.id)["outcome"]
    outcome = shown(asking(studio), evaluation.id)["outcome"]
    assert said in outcome
    assert "<td>40 % [30, 50]</td>" in outcome
    assert "<td>2.00 [1.50, 2.50] nats per token</td>" in outcome


def test_the_verdict_says_what_was_forgotten(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    job, _ = finished
    assert "abilities" not in shown(asking(studio), job.id)["outcome"]
    change(job, result={**(job.result or {}), "forgotten": small_forgotten()})
    outcome = shown(asking(studio), job.id)["outcome"]
    said, fold, chart = outcome.partition("<details>")
    assert fold
    assert "Lost 30 points [20, 40] of its general abilities, most in colours (−30)." in said
    assert "General abilities one by one, 18 items" in chart
    assert "−30 [−40, −20]" in chart
    assert "7 items are &lt;too&gt; long." in chart
    assert "own prompts" not in outcome, "an older verdict"
    change(job, result={**(job.result or {}), "forgotten": {**small_forgotten(), "own": small_own_words()}})
    outcome = shown(asking(studio), job.id)["outcome"]
    assert "Answers 62 % [52, 72] of its own prompts as before; rounding alone changes 18 %." in outcome
    assert "rounding alone (16 instead of 32 bits)" in outcome
    assert '<span class="value">82 % <span class="quiet">[72, 92]</span></span>' in outcome
    assert "begins with the same 8 tokens. 128 were drawn; 3 too short." in outcome
    change(job, state=JobState.RUNNING, stage="evaluating")
    with db.writing() as session:
        events.append(session, job.id, 1, "evaluated", model="studio-nano", on="general abilities", rows=30, of=60)
    assert "scoring studio-nano on general abilities: 50 %" in shown(asking(studio), job.id)["progress"]


def test_cancel_and_again(studio: User, job: Job, asking: Any) -> None:
    assert "You cancelled this job" in page._stopper(False)(asking(studio), job.id), "true later, too"
    assert jobs.get(studio, job.id).state == JobState.CANCELLED
    assert "already finished" in page._stopper(False)(asking(studio), job.id)
    _, following = page.run_again(asking(studio), job.id)
    again = jobs.get(studio, following.removeprefix("jobs?job="))
    assert again.retry_of == job.id


def test_again_after_a_result_gets_a_number(studio: User, finished: tuple[Job, Artifact], asking: Any) -> None:
    _, following = page.run_again(asking(studio), finished[0].id)
    again = jobs.get(studio, following.removeprefix("jobs?job="))
    assert again.name == "tickets-lora-2"
    words = "the name “tickets-lora” was taken; the result is called “tickets-lora-2”"
    assert words in shown(asking(studio), again.id)["remarks"]


def test_others_see_nothing_of_it(studio: User, job: Job, asking: Any) -> None:
    other = users.add("mallory", "a long password")
    assert "There is no job" in page.guarded(4)(page.open_page)(asking(other, job=job.id))[0]
    assert "There is no job" in page.guarded(page.N_LIVE)(page.live)(asking(other), job.id)[0]
    assert "There is no job" in page._stopper(False)(asking(other), job.id)
    assert "tickets-lora" not in listed(asking(other))
