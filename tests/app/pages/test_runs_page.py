"""The page that compares runs: what it shows, what it refuses, and what leads to it."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient

from app import run_charts
from app.cli import main
from app.pages import job_settings, run_views
from app.pages import runs as page
from app.run_charts import Curve
from storage import db
from storage.jobs import events
from storage.models import Artifact, Job, JobMetric, JobState, User
from storage.planning import evaluations, training
from templates.errors import BadInput
from tests.small_suite import small_forgotten, small_own_words


@pytest.fixture
def pair(studio: User, finished: tuple[Job, Artifact]) -> list[Job]:
    """A run with a verdict, and one that failed, with other settings."""
    plan = training.plan(
        studio, base="studio-nano", dataset="tickets", objective="sft", method="lora", settings={"r": 4}
    )
    other = training.submit(studio, plan, name="tried")
    with db.writing() as session:
        row = session.get_one(Job, other.id)
        row.state = JobState.FAILED
        for job, factor in ((finished[0], 1.0), (row, 2.0)):
            for step in range(0, 14, 2):
                values = {"loss": factor * 4.0 / (step + 1)}
                events.put_metric(
                    session, JobMetric(job_id=job.id, split="held_out", step=step, attempt=1, values=values, at=0.0)
                )
    return [finished[0], row]


def shown(request: gr.Request) -> dict[str, Any]:
    return dict(zip(("alert", "chosen", "comparison", "fold", "numbers"), page.opened(request), strict=True))


def test_runs_are_shown_side_by_side(studio: User, pair: list[Job], asking: Any) -> None:
    seen = shown(asking(studio, ids=",".join(job.id for job in pair)))
    text = str(seen["comparison"])
    assert text.count("<svg") == 2, "the scores and the held-out losses"
    assert "tickets-lora 0.31 at step 12; tried 0.62 at step 12" in text
    assert 'class="key run-1"' in text
    assert 'class="line run-2"' in text
    assert "“tried” has no verdict: it failed." in text
    assert "<b>Rank</b>" in text
    assert "Seed" not in text, "only what differs"
    assert '<th scope="col">tried</th>' in str(seen["numbers"])
    assert seen["fold"]["visible"]
    assert seen["chosen"]["value"] == [job.id for job in pair]
    assert f"runs?ids={pair[1].id},{pair[0].id}" in text, "another run can be the one to compare with"


def test_a_single_run_leads_to_a_choice(studio: User, pair: list[Job], asking: Any) -> None:
    seen = shown(asking(studio, ids=pair[1].id))
    assert [job_id for _, job_id in seen["chosen"]["choices"]] == [pair[1].id, pair[0].id]
    assert "one more run" in seen["comparison"]
    assert page.go(asking(studio), [job.id for job in pair])[1] == f"runs?ids={pair[0].id},{pair[1].id}"
    with pytest.raises(BadInput, match="Choose two to six runs"):
        page.go(asking(studio), [pair[0].id])


def test_without_trainings_the_page_leads_to_one(studio: User, asking: Any) -> None:
    seen = shown(asking(studio))
    assert "train" in seen["comparison"]
    assert seen["chosen"]["visible"] is False


def test_the_overlay_skips_what_is_not_finite_and_runs_without_points() -> None:
    drawn = run_charts.overlay("Loss", [Curve(1, "a", [(1, 2.0), (2, float("nan"))]), Curve(2, "b", [])])
    assert "Loss against steps: a 2.00 at step 1" in drawn
    assert "run-2" not in drawn
    assert run_charts.overlay("Loss", [Curve(1, "a", [])]) == ""


def test_a_job_page_tells_all_settings_and_leads_on(studio: User, pair: list[Job]) -> None:
    block = str(job_settings.block(pair[1]))
    assert "<b>4</b>" in block
    assert "1 setting differs from the advice for the effort “balanced”" in block
    assert "studio-nano (revision " in block
    assert '<code class="quiet">seed</code>' in block
    assert f"train?from={pair[1].id}" in job_settings.ways(pair[1])
    evaluation = evaluations.submit(studio, models=["studio-nano"], dataset="tickets", name="scores")
    assert job_settings.ways(evaluation) == ""
    assert "studio-nano (revision " in job_settings.block(evaluation)


def test_a_run_says_what_became_of_its_bases_own_prompts(studio: User, pair: list[Job], asking: Any) -> None:
    def said() -> str:
        return str(shown(asking(studio, ids=",".join(job.id for job in pair)))["comparison"])

    assert "own prompts" not in said()
    with db.writing() as session:
        row = session.get_one(Job, pair[0].id)
        row.result = {**(row.result or {}), "forgotten": {**small_forgotten(), "own": small_own_words()}}
    assert '−30 [−40, −20] points<br><span class="quiet">62 % [52, 72] of its own prompts as before</span>' in said()


def test_names_from_users_are_escaped(studio: User, pair: list[Job]) -> None:
    from storage.runs import comparison

    with db.writing() as session:
        session.get_one(Job, pair[1].id).name = "<img src=x>"
    text = run_views.whole(comparison.compare(studio, [job.id for job in pair]))
    assert "<img" not in text
    assert "&lt;img src=x&gt;" in text


def test_command_and_rest_say_the_same(
    studio: User, pair: list[Job], client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [job.id for job in pair]
    assert main(["runs", "compare", *ids, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert client.get("/api/v1/runs", params={"ids": ",".join(ids)}).json() == said
    assert said["first"] == ids[0]
    assert [one["key"] for one in said["differing"]] == ["num_train_epochs", "r"]
    assert said["differences"] == [{"id": ids[1], "why_not": "“tried” has no verdict: it failed.", "metrics": []}]
    assert main(["runs", "compare", *ids]) == 0
    printed = capsys.readouterr().out
    assert "Rank" in printed
    assert "80 % [70, 90]" in printed
    assert main(["runs", "compare", ids[0]]) == 2
    assert client.get("/api/v1/runs", params={"ids": ids[0]}).status_code == 422
    assert client.get("/api/v1/runs", params={"ids": f"{ids[0]},nowhere"}).status_code == 404
