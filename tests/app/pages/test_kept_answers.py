"""A teacher's answers that a result learned become a dataset: by command, over REST, and with a click."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.main import create_app
from app.pages import learned_answers
from storage.data import datasets
from storage.models import User
from tests.storage.data.answers import taught


def command(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_by_command(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    taught.publish(studio, "taught")
    made = command(capsys, "data", "add", "--from-artifact", "taught", "--name", "answers")
    assert (made["name"], made["n_rows"], made["teacher"]["name"]) == ("answers", 2, "wise")
    assert command(capsys, "data", "dropped", "answers")["n_answers"] == 1
    told = command(capsys, "data", "add", "--from-artifact", "taught", "--sample", "intents", code=2)
    assert {problem["field"] for problem in told["error"]["problems"]} == {
        "FILE, --sample or --from-artifact",
        "--name",
    }


def test_over_rest(studio: User) -> None:
    taught.publish(studio, "taught")
    taught.publish(studio, "plain", with_answers=False)
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860")
    made = client.post("/api/v1/artifacts/taught/answers", json={"name": "answers"})
    assert (made.status_code, made.json()["n_rows"]) == (201, 2)
    assert client.post("/api/v1/artifacts/taught/answers", json={"name": "answers"}).status_code == 409
    assert client.post("/api/v1/artifacts/plain/answers", json={"name": "other"}).status_code == 422


def test_with_a_click(studio: User, asking: Any) -> None:
    with_answers, without = taught.publish(studio, "taught"), taught.publish(studio, "plain", with_answers=False)
    assert learned_answers.show(asking(studio), with_answers.job_id)[1]["visible"]
    assert not learned_answers.show(asking(studio), without.job_id)[1]["visible"]
    names = [learned_answers.keep(asking(studio), with_answers.job_id)[1] for _ in range(2)]
    assert names == ["data?data=taught-answers", "data?data=taught-answers-2"]
    assert datasets.get(studio, "taught-answers").n_held_out == 1
