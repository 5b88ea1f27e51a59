"""A judge by command, over REST, and on the pages."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.pages import judged_views, outcomes
from storage import db
from storage.data import datasets, uploads
from storage.jobs import jobs
from storage.judging import judgements
from storage.models import Job, JobState, User
from tests.app.small_judgements import small_judgement
from tests.storage.judging.rewarding import result as made

ROWS = b"".join(b'{"prompt": "Where is %d?", "completion": "Here."}\n' % i for i in range(60))
WISH = {"models": ["studio-nano", "studio-small"], "dataset": "places", "endpoint": "http://127.0.0.1:9/v1"}


@pytest.fixture
def places(studio: User) -> None:
    """A dataset of prompts."""
    datasets.add(studio, uploads.save(studio, "places.jsonl", io.BytesIO(ROWS)), name="places")


def finished(job_id: str, result: dict[str, Any]) -> None:
    with db.writing() as session:
        row = session.get_one(Job, job_id)
        row.state, row.result = JobState.SUCCEEDED, result
        row.started_at, row.finished_at = row.created_at, row.created_at + 9


def test_a_command_asks_for_a_judge_and_tells_what_it_said(
    studio: User, places: None, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ["--model", "studio-nano", "--model", "studio-small"]
    code = main(["judge", *models, "--data", "places", "--json"])
    problems = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert (code, {one["field"] for one in problems}) == (2, {"--judge", "--judge-model"})
    judge = ["--judge", WISH["endpoint"], "--judge-model", "wise", "--set", "most_prompts=20"]
    assert main(["judge", *models, "--data", "places", *judge, "--criteria", "Be kind.", "--json"]) == 0
    job = json.loads(capsys.readouterr().out)
    assert (job["kind"], job["state"], job["spec"]["criteria"]) == ("judge", "QUEUED", "Be kind.")
    assert job["spec"]["params"]["most_prompts"] == 20
    finished(job["id"], small_judgement())
    assert main(["jobs", "show", job["id"]]) == 0
    said = capsys.readouterr().out
    assert "“studio-small” is better than “studio-nano”: “studio-small” wins on 61 % [52, 70]" in said
    assert "The judge says the same as you on 82 % [69, 91] of your 40 votes" in said
    assert "15 changed with the order" in said
    assert "It cost 1." in said


def test_rest_asks_for_a_judge(studio: User, places: None, client: TestClient) -> None:
    bad = client.post("/api/v1/jobs/judge", json={**WISH, "endpoint_model": "", "settings": {"most_prompts": 1}})
    assert bad.status_code == 422 or bad.status_code == 400
    assert {one["field"] for one in bad.json()["error"]["problems"]} == {"endpoint_model", "most_prompts"}
    first, again = (
        client.post("/api/v1/jobs/judge", json={**WISH, "endpoint_model": "wise"}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert (first.status_code, first.json()["kind"], first.json()["judgement"]) == (201, "judge", None)
    assert first.json()["id"] == again.json()["id"]
    finished(first.json()["id"], small_judgement())
    assert client.get(f"/api/v1/jobs/{first.json()['id']}").json()["judgement"]["headline"] == "calibrated"


def test_a_reward_model_judges_over_every_entrance(
    studio: User, places: None, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    made(studio, "tastes")
    models = ["--model", "studio-nano", "--model", "studio-small", "--data", "places"]
    assert main(["judge", *models, "--reward-model", "tastes", "--criteria", "Be kind.", "--json"]) == 2
    (problem,) = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert (problem["field"], problem["remedy"]) == ("criteria", "Leave it out.")
    assert main(["judge", *models, "--reward-model", "tastes", "--json"]) == 0
    asked = json.loads(capsys.readouterr().out)
    assert asked["spec"]["reward_model"] == "tastes"
    wish = {"models": WISH["models"], "dataset": "places"}
    unknown = client.post("/api/v1/jobs/judge", json={**wish, "reward_model": "nobody"})
    assert [one["field"] for one in unknown.json()["error"]["problems"]] == ["reward_model"]
    neither = client.post("/api/v1/jobs/judge", json=wish)
    assert [one["field"] for one in neither.json()["error"]["problems"]] == ["endpoint"]
    job = client.post("/api/v1/jobs/judge", json={**wish, "reward_model": "tastes"}).json()
    assert {"role": "reward", "name": "tastes"}.items() <= next(
        one for one in job["inputs"] if one["role"] == "reward"
    ).items()
    finished(job["id"], small_judgement(reward_model="tastes"))
    html = str(outcomes.block(studio, jobs.get(studio, job["id"])))
    assert "the reward model “tastes”" in html
    assert "won (+1.25 to −0.50)" in html
    assert "“tastes” learned 3 of the 100 held-out prompts" in html
    assert "in both orders" not in html


@pytest.mark.parametrize(
    ("headline", "badge", "first_bar"),
    [
        ("calibrated", "“studio-small” is better than “studio-nano”:", "Judge, corrected by your votes"),
        ("votes", "Can&#39;t tell whether “studio-small” is better than “studio-nano”,", "Your votes alone"),
        ("opinion", "The judge&#39;s opinion, not calibrated:", "Judge, not corrected"),
    ],
)
def test_the_page_says_what_to_go_by(studio: User, places: None, headline: str, badge: str, first_bar: str) -> None:
    job = judgements.submit(studio, **WISH, endpoint_model="wise")  # type: ignore[arg-type]
    result = small_judgement(headline=headline)
    finished(job.id, result)
    html = str(outcomes.block(studio, jobs.get(studio, job.id)))
    assert f">{badge}</b>" in html
    assert judged_views.bars(result)[0][0] == first_bar
    assert html.index(first_bar) == min(html.index(title) for title, _ in judged_views.bars(result))
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert ("bar adapted" in html) == (headline != "opinion")
    assert "changed with the order" in html
    assert "The first 2 of 140 are shown." in html
