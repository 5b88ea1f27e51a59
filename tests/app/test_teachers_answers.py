"""Dropped answers over REST and by command: listed, downloaded, put back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from app.main import create_app
from storage import users
from storage.data import datasets, uploads
from storage.models import User
from storage.planning import generations
from templates.errors import NotAllowed
from tests.played_service import KEY
from tests.storage.data.answers import answered


def command(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_by_command(studio: User, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    answered.add(studio)
    assert "min_agreement" in json.dumps(command(capsys, "data", "filters"))
    file = tmp_path / "dropped.jsonl"
    shown = command(capsys, "data", "dropped", "answers", "--filter", "exact_duplicates", "--to", str(file))
    assert (shown["n_answers"], [one["number"] for one in shown["answers"]]) == (2, [8, 9])
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [7, 8, 9]
    made = command(
        capsys,
        "data",
        "revise",
        "answers",
        "--put-back",
        "7",
        "--remove",
        "2",
        "--rewrite",
        "7=yes = no",
        "--to",
        "mine",
    )
    assert (made["name"], made["n_rows"], made["teacher"]["name"]) == ("mine", 6, "m")
    assert main(["data", "dropped", "mine"]) == 0
    out = capsys.readouterr().out
    assert "1 were removed by hand." in out
    assert "Why 8." in out
    refused = command(capsys, "data", "revise", "answers", "--put-back", "1", code=2)
    assert "is not among the dropped answers" in refused["error"]["message"]
    command(capsys, "data", "revise", "answers", "--rewrite", "x=1", code=2)


def test_over_rest(studio: User) -> None:
    answered.add(studio)
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860")
    assert {one["key"] for one in client.get("/api/v1/answer-filters").json()} >= {"refusals", "agreement"}
    page = client.get("/api/v1/data/answers/dropped", params={"filter": "refusals", "limit": 1}).json()
    assert (page["n_answers"], page["answers"][0]["reason"]) == (1, "Why 7.")
    assert page["by_filter"][0] == {
        "filter": "exact_duplicates", "outcome": "repeat another answer to the same prompt", "count": 2,
    }  # fmt: skip
    sent = client.get("/api/v1/data/answers/dropped/export")
    assert "answers-dropped.jsonl" in sent.headers["Content-Disposition"]
    assert len(sent.text.splitlines()) == 3
    made = client.post("/api/v1/data/answers/answers", json={"put_back": [7], "rewrite": {"7": "fine"}})
    assert (made.status_code, made.json()["n_rows"], made.json()["name"]) == (201, 7, "answers-v2")
    assert client.post("/api/v1/data/answers/answers", json={"put_back": [1]}).status_code == 422
    assert client.get("/api/v1/data/nothing/dropped").status_code == 404


def test_services_and_keys(studio: User, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://api.example.com/v1"
    assert command(capsys, "endpoints", "list") == {"any": True, "allowed": [], "keys": []}
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    kept = command(capsys, "endpoints", "key", url)
    assert kept == {"origin": "https://api.example.com:443", "stored": True}
    assert not command(capsys, "endpoints", "key", url, "--forget")["stored"]
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860")
    shown = client.put("/api/v1/endpoints/key", json={"url": url, "key": KEY})
    assert shown.json()["keys"] == ["https://api.example.com:443"]
    assert KEY not in shown.text
    assert client.get("/api/v1/endpoints").json() == shown.json()
    assert client.delete("/api/v1/endpoints/key", params={"url": url}).json()["keys"] == []
    refused = client.put("/api/v1/endpoints/key", json={"url": "nowhere", "key": KEY})
    assert refused.status_code == 422
    assert KEY not in refused.text


def test_a_service_over_rest(studio: User) -> None:
    rows = b"".join(b'{"prompt": "Colour %d?", "completion": "blue"}\n' % i for i in range(20))
    datasets.add(studio, uploads.save(studio, "c.jsonl", io.BytesIO(rows)), name="colours")
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860")
    body = {"endpoint": "https://api.example.com/v1", "endpoint_model": "wise", "dataset": "colours", "name": "a"}
    made = client.post("/api/v1/jobs/generate", json={**body, "settings": {"prompt_price": 2}, "filters": ["refusals"]})
    assert made.status_code == 201, made.text
    spec = made.json()["spec"]
    assert (spec["endpoint"]["model"], spec["endpoint"]["params"]["prompt_price"]) == ("wise", 2)
    assert [one["role"] for one in made.json()["inputs"]] == ["prompts"]
    users.add("ann", "correct horse")
    with pytest.raises(NotAllowed):
        generations.submit(studio, dataset="colours", name="b", endpoint=body["endpoint"], endpoint_model="wise")
