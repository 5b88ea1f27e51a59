"""What less strength keeps, by command and over REST."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import chat
from storage import db, files
from storage.data import datasets, uploads
from storage.gallery import artifacts, strength_table
from storage.jobs import workspaces
from storage.models import Artifact, Job, JobState, User
from storage.planning import strengths, training
from storage.settings import settings
from templates.errors import BadInput
from tests.small_strengths import small_strengths

CSV = "text,label\n" + "".join(f"where is parcel {i}?,{'lost' if i % 2 else 'late'}\n" for i in range(60))


@pytest.fixture
def tone(studio: User, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    """A LoRA adapter as a worker leaves it."""
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "2")
    settings.cache_clear()
    datasets.add(studio, uploads.save(studio, "parcels.csv", io.BytesIO(CSV.encode())), name="parcels")
    planned = training.plan(
        studio, base="studio-nano", dataset="parcels", objective="sft", method="lora", preset="quick"
    )
    job = training.submit(studio, planned, name="tone")
    location = workspaces.artifact_location(job.id, 1)
    folder = settings().files / location
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "lora_alpha": 16, "r": 8}))
    (folder / "README.md").write_text("# tone\n\nAn adapter.\n\n## Does it help?\n")
    facts = {"recipe": planned.recipe.model_dump(mode="json"), "weights_sha256": "ab" * 32, "verdict": {}}
    artifact = Artifact(
        owner_id=studio.id, name="tone", job_id=job.id, attempt=1, kind="adapter", facts=facts, location=location,
        manifest_sha256=files.seal(folder), size_bytes=1, duration_s=1.0, created_at=job.created_at,
    )  # fmt: skip
    with db.writing() as session:
        session.add(artifact)
        row = session.get_one(Job, job.id)
        row.state, row.artifact_id, row.actual = JobState.SUCCEEDED, artifact.id, {"seconds": {"evaluating": 40.0}}
    return artifact


def test_rest_measures_tells_and_downloads(studio: User, tone: Artifact, client: TestClient) -> None:
    told = client.get("/api/v1/artifacts/tone/strength").json()
    assert (told["possible"], told["why_not"], told["job"]) == (True, None, None)
    assert told["estimate"]["seconds"] > 40
    made = client.post("/api/v1/jobs/strength", json={"artifact": "tone"}, headers={"Idempotency-Key": "k"})
    assert (made.status_code, made.json()["kind"], made.json()["strengths"]) == (201, "strength", None)
    again = client.post("/api/v1/jobs/strength", json={"artifact": "tone"}, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == made.json()["id"]
    with db.writing() as session:
        row = session.get_one(Job, made.json()["id"])
        row.state, row.result = JobState.SUCCEEDED, small_strengths()
    found = client.get("/api/v1/artifacts/tone/strength").json()["job"]["strengths"]
    assert found["recommended"] == 0.75
    assert client.get("/api/v1/artifacts/tone/download?strength=0.75").status_code == 200
    assert "isn't a strength" in client.get("/api/v1/artifacts/tone/download?strength=2").text
    datasets.delete(studio, "parcels")
    gone = client.get("/api/v1/artifacts/tone/strength").json()
    assert (gone["possible"], gone["estimate"]) == (False, None)
    assert "“parcels” of its training is deleted" in gone["why_not"]
    refused = client.post("/api/v1/jobs/strength", json={"artifact": "tone"})
    assert refused.status_code == 422


def test_chat_weakens_results_and_leaves_base_models_alone(studio: User, tone: Artifact) -> None:
    weakened = chat._at_strength
    assert weakened(studio, ["studio-nano", "tone"], 0.5) == ["studio-nano", "tone@0.5"]
    assert weakened(studio, ["tone", "tone@0.25"], None) == ["tone", "tone@0.25"]
    with pytest.raises(BadInput, match="only base models are named"):
        weakened(studio, ["studio-nano"], 0.5)
    with pytest.raises(BadInput, match=r"1\.5 isn't a strength"):
        weakened(studio, ["tone"], 1.5)


def test_the_table_reads_without_a_page() -> None:
    lines = strength_table.lines(small_strengths())
    assert "9 rows of tickets (selection side) and 36 items" in lines[0]
    row = next(line for line in lines if line.startswith("0.75 ←"))
    assert "83 % [78, 88]" in row
    assert "−2 [−7, +3]" in row
    assert "+30 [+25, +35]" in row
    losses: dict[str, Any] = small_strengths()
    [tickets] = losses["datasets"]
    tickets["headline"] = "loss"
    for point in tickets["points"]:
        for scores in (point["metrics"], point["against_full"], point["against_base"]):
            scores["loss"] = scores.pop("label_accuracy")
    assert any("0.830 [0.780, 0.880]" in line for line in strength_table.lines(losses))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_whole_way_with_a_real_worker(studio: User, studio_command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_FORGETTING_ITEMS", "1")
    monkeypatch.setenv("STUDIO_OWN_PROMPTS", "0")
    settings.cache_clear()
    datasets.add(studio, uploads.save(studio, "parcels.csv", io.BytesIO(CSV.encode())), name="parcels")
    train = ("train", "--base", "studio-nano", "--data", "parcels", "--objective", "sft", "--method", "lora")
    assert studio_command(*train, "--set", "max_steps=4", "--name", "tone", "--wait")[0] == 0
    code, job, said = studio_command("strength", "tone", "--wait")
    assert (code, job["state"]) == (0, "SUCCEEDED"), said
    found = job["strengths"]
    assert [point["strength"] for point in found["general"]["points"]] == list(found["strengths"])
    assert (job["step"], job["total_steps"]) == (5, 5)
    assert found["own"] is None
    assert artifacts.get(studio, "tone")
    measured = strengths.of_artifact(studio, artifacts.get(studio, "tone"))
    assert measured is not None
    assert measured.id == job["id"]
    code, told, said = studio_command("chat", "--model", "studio-nano", "--model", "tone", "--strength", "0.5", "Hi")
    assert code == 0, said
    assert [answer["strength"] for answer in told["answers"]] == [None, 0.5]
