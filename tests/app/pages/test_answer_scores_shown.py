"""Scores of answers by command, over REST and on the page, with the chat server played."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import chat_servers
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import answer_scores, cli
from app.main import create_app
from app.pages import gallery, score
from storage import db, dependents, files, job_inputs
from storage.data import datasets, uploads
from storage.gallery import artifacts, downloads
from storage.jobs import jobs, workspaces
from storage.models import Artifact, Job, JobState, User
from storage.planning import evaluations, training
from storage.settings import settings
from templates.errors import BadInput, Conflict
from templates.roles import Role

HALF = {"value": 0.5, "low": 0.4, "high": 0.6}
MOST = {"value": 0.9, "low": 0.8, "high": 0.95}
REWARD = {
    "rule": "always preferring the longer answer",
    "n_pairs": 40,
    "margin": {"value": 2.0, "low": 1.5, "high": 2.5},
    "spread": 1.5,
    "length_correlation": {"value": 0.4, "low": 0.2, "high": 0.6},
    "length_of_chosen": None,
    "against_rule": MOST,
    "n_against_rule": 20,
    "chosen": [n / 50 for n in range(101)],
    "rejected": [n / 50 - 2 for n in range(101)],
    "sentence": "Longer answers get higher scores: the correlation of score and length is +0.40 [+0.20, +0.60].",
}
VERDICT = {
    "verdict": "better",
    "claim": "Better than judging by length",
    "sentence": "Better than judging by length: it ranks the chosen answer first in 90 %.",
    "headline": "preference_accuracy",
    "metrics": {"preference_accuracy": {"base": HALF, "adapted": MOST, "difference": MOST}},
    "n_rows": 40,
    "reward": REWARD,
    "remarks": [],
}


@pytest.fixture
def judge(studio: User) -> Artifact:
    """A reward model in the gallery, as a worker leaves it in database and file store."""
    rows = [{"prompt": f"say {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(40)]
    upload = uploads.save(studio, "pairs.jsonl", io.BytesIO("\n".join(map(json.dumps, rows)).encode()))
    datasets.add(studio, upload, name="pairs")
    planned = training.plan(studio, base="studio-nano", dataset="pairs", objective="reward", method="lora")
    job = training.submit(studio, planned, name="judge")
    folder = settings().files / workspaces.artifact_location(job.id, 1)
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text("")
    artifact = Artifact(
        owner_id=studio.id,
        name="judge",
        job_id=job.id,
        attempt=1,
        kind="reward_model",
        facts={"recipe": planned.recipe.model_dump(mode="json"), "weights_sha256": "ab" * 32, "verdict": VERDICT},
        location=workspaces.artifact_location(job.id, 1),
        manifest_sha256=files.seal(folder),
        size_bytes=100_000,
        duration_s=5.0,
        created_at=job.created_at,
    )
    with db.writing() as session:
        session.add(artifact)
        row = session.get_one(Job, job.id)
        row.state, row.result, row.artifact_id = JobState.SUCCEEDED, VERDICT, artifact.id
    return artifact


@pytest.fixture
def by_length(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A chat server whose reward models score answers by their length."""
    played = FastAPI()

    @played.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"ready": True}

    @played.post("/v1/score")
    def scored(body: dict[str, Any]) -> dict[str, Any]:
        scores = [len(turns[-1]["content"]) / 10 for turns in body["messages"]]
        return {"data": [{"index": place, "score": one} for place, one in reversed(list(enumerate(scores)))]}

    with chat_servers.running(played, monkeypatch):
        yield


def test_an_answer_has_its_place_among_held_out_ones(studio: User, judge: Artifact, by_length: None) -> None:
    found = answer_scores.of(studio, "judge", "say 1", ["ten signs..", "no"])
    assert [one.score for one in found.answers] == [1.1, 0.2]
    assert found.answers[0].above_chosen == 0.55
    assert found.answers[0].above_rejected == 1.0


def test_what_is_missing_is_said_before_anything_is_asked(studio: User, judge: Artifact) -> None:
    with pytest.raises(BadInput) as caught:
        answer_scores.of(studio, "judge", " ", ["yes", ""])
    assert [problem.field for problem in caught.value.problems] == ["prompt", "answers"]
    with pytest.raises(BadInput, match="has 17 texts"):
        answer_scores.of(studio, "judge", "say 1", ["yes"] * 17)


def test_the_command_and_the_route_tell_the_same(
    studio: User, judge: Artifact, by_length: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["score", "say 1", "no", "yes it is", "--model", "judge", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["score"] for one in told["answers"]] == [0.2, 0.9]
    asked = {"model": "judge", "prompt": "say 1", "answers": ["no", "yes it is"]}
    assert TestClient(create_app(), base_url="http://127.0.0.1").post("/api/v1/score", json=asked).json() == told
    assert cli.main(["score", "say 1", "no", "yes it is", "--model", "judge"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("  +0.900  yes it is  (above 45% of chosen")
    assert cli.main(["score", "say 1", "no", "--model", "studio-nano"]) == 2


def test_the_page_shows_scores_and_keeps_what_was_typed(
    studio: User, judge: Artifact, by_length: None, asking: Any
) -> None:
    _, nothing, form, model = score.opened(asking(studio, model="judge"))
    assert nothing == ""
    assert form["visible"]
    assert model["value"] == "judge"
    alert, shown = score.score(asking(studio), "judge", "say 1", "no", "<b>yes</b> it is", "", "", "", "")
    assert alert == ""
    assert shown.index("&lt;b&gt;yes") < shown.index(">no<")
    assert "80 %" in shown
    assert "Answer 2: 1.6" in shown


def test_without_a_reward_model_the_page_says_how_to_make_one(studio: User, asking: Any) -> None:
    _, nothing, form, _ = score.opened(asking(studio))
    assert "train?objective=reward" in nothing
    assert not form["visible"]


def test_a_card_leads_to_the_page_and_not_to_a_chat(studio: User, judge: Artifact, asking: Any) -> None:
    card = gallery.show_cards(asking(studio), *(gallery.ANY,) * 4)[1]
    assert 'href="score?model=judge"' in card
    assert "compare?models" not in card
    assert 'name="models" value="judge"' not in card
    assert "always preferring the longer answer" in card


def test_it_can_not_be_chatted_with_or_adapted(studio: User, judge: Artifact) -> None:
    with pytest.raises(BadInput, match="“judge” is a reward model"):
        evaluations.find_model(studio, "judge")
    with pytest.raises(BadInput, match="it scores answers and can't write any"):
        training.plan(studio, base="judge", dataset="pairs", objective="dpo", method="lora")
    with pytest.raises(BadInput, match="score head has no strength"):
        downloads.export(studio, "judge", settings().files / "x.zip", strength=0.5)


def test_the_reward_of_another_job_stays_while_that_runs(studio: User, judge: Artifact) -> None:
    inputs = job_inputs.of(Role.REWARD, judge)
    job = jobs.submit(studio, name="rewarded", kind="train", spec={}, inputs=inputs, estimate={})
    assert job_inputs.of_job(job.id).model(Role.REWARD) == judge
    assert "1 job (“rewarded”) uses it" in dependents.of(studio, judge).sentences()[0]
    with pytest.raises(Conflict, match="is used by the job “rewarded”"):
        artifacts.delete(studio, "judge")
    jobs.cancel(studio, job.id)
    artifacts.delete(studio, "judge")
