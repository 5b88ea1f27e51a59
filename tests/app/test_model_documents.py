"""Base models over REST and by command: what fits, what depends on one, other names."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from app.cli import main
from storage import job_inputs
from storage.bases import base_models
from storage.jobs import jobs
from storage.models import User
from templates.roles import Role
from tests.storage.base_rows import base_row


def waiting(user: User, base: str) -> str:
    inputs = job_inputs.of(Role.BASE, base_models.get(user, base))
    return jobs.submit(user, name="later", kind="train", spec={}, inputs=inputs).id


def test_every_model_says_what_fits_where(client: TestClient) -> None:
    listed = client.get("/api/v1/models").json()
    (here,) = listed[0]["fits"]
    assert (here["on"], here["n_workers"]) == ("this machine", 0)
    assert [way["way"] for way in here["ways"]] == ["LoRA", "QLoRA", "all weights"]
    lora = here["ways"][0]
    assert lora["fits"]
    assert 0 < lora["needs_memory_bytes"] <= lora["advised_memory_bytes"]
    assert lora["needs_memory_bytes"] < here["memory_free_bytes"]
    one = client.get("/api/v1/models/studio-small").json()
    assert one["fits"][0]["ways"] == listed[0]["fits"][0]["ways"]
    assert one["dependents"]["sentences"] == ["Nothing else depends on it."]


def test_a_model_is_renamed_and_what_depends_on_it_named(client: TestClient, studio: User) -> None:
    base_row(studio, "mine")
    assert client.patch("/api/v1/models/mine", json={"name": "better"}).json()["name"] == "better"
    assert client.patch("/api/v1/models/better", json={"name": "studio-nano"}).status_code == 409
    assert client.patch("/api/v1/models/studio-nano", json={"name": "nano"}).status_code == 409
    job = waiting(studio, "better")
    assert client.get("/api/v1/models/better").json()["dependents"]["jobs"] == ["later"]
    assert client.delete("/api/v1/models/better").status_code == 409
    jobs.cancel(studio, job)
    assert client.delete("/api/v1/models/better").json()["dependents"]["results"] == []
    assert client.get("/api/v1/models/better").status_code == 404


def test_the_commands_say_the_same(studio: User, capsys: Any) -> None:
    base_row(studio, "mine")
    assert main(["models", "list"]) == 0
    assert "LoRA, QLoRA, all weights" in capsys.readouterr().out
    assert main(["models", "rename", "mine", "better"]) == 0
    assert "Renamed mine to better." in capsys.readouterr().out
    assert main(["models", "delete", "better"]) == 0
    assert "Deleted better.\nNothing else depends on it." in capsys.readouterr().out
    assert main(["models", "delete", "better"]) == 2
