"""What was chosen for an earlier file of the same columns, over REST and by command: taken, said, and refusable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage.models import User

MINE = {"prompt": "customer", "completion": "agent"}
SAID = "prompt_completion, prompt ← customer, completion ← agent, because the file has the same columns."


def export(month: int) -> str:
    rows = [f"{i},Where is parcel {month}{i}?,Parcel {month}{i} is with the carrier." for i in range(30)]
    return "\n".join(["id,customer,agent", *rows])


def sent(client: TestClient, month: int) -> str:
    answer = client.post("/api/v1/uploads", files={"file": (f"{month}.csv", export(month).encode())})
    return str(answer.json()["id"])


@pytest.fixture
def october(client: TestClient) -> dict[str, Any]:
    """A dataset for which the columns were chosen."""
    answer = client.post("/api/v1/data", json={"upload_id": sent(client, 10), "name": "october", "mapping": MINE})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_preview_says_where_the_choice_comes_from(client: TestClient, october: dict[str, Any]) -> None:
    wish = {"upload_id": sent(client, 11)}
    seen = client.post("/api/v1/data/preview", json=wish).json()
    choice = seen["choice"]
    assert (seen["mapping"], choice["came_from"], choice["is_guess"]) == (MINE, "remembered", False)
    assert choice["remembered"]["dataset"] == "october"
    assert choice["guess"]["mapping"] == {}
    assert [(one["field"], one["required"], one["column"], one["came_from"]) for one in choice["fields"]] == [
        ("prompt", True, "customer", "remembered"),
        ("completion", True, "agent", "remembered"),
        ("system", False, None, None),
    ]
    assert choice["fields"][0]["samples"] == [f"Where is parcel 11{i}?" for i in range(3)]
    assert choice["unused"] == ["id"]
    anew = client.post("/api/v1/data/preview", json={**wish, "guess_anew": True}).json()
    assert (anew["mapping"], anew["choice"]["came_from"]) == ({}, "guess")


def test_a_dataset_made_without_a_choice_says_it(client: TestClient, october: dict[str, Any]) -> None:
    assert not any("As for" in remark["message"] for remark in october["remarks"])
    made = client.post("/api/v1/data", json={"upload_id": sent(client, 11), "name": "november"}).json()
    assert made["mapping"] == MINE
    assert made["remarks"][0]["message"].startswith("As for “october” on ")
    assert SAID in made["remarks"][0]["message"]
    refused = client.post("/api/v1/data", json={"upload_id": sent(client, 12), "name": "december", "guess_anew": True})
    assert refused.status_code == 422
    assert "choose a column for" in refused.json()["error"]["message"]


def test_a_given_shape_or_mapping_always_wins(client: TestClient, october: dict[str, Any]) -> None:
    turned = {"prompt": "agent", "completion": "customer"}
    wish = {"upload_id": sent(client, 11), "name": "turned", "mapping": turned}
    made = client.post("/api/v1/data", json=wish).json()
    assert made["mapping"] == turned
    assert not any("As for" in remark["message"] for remark in made["remarks"])
    refused = client.post("/api/v1/data", json={"upload_id": sent(client, 12), "name": "x", "shape": "text"})
    assert refused.status_code == 422, "the shape was given, so its column is guessed and not remembered"


def test_the_commands_say_it(studio: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for month in (10, 11, 12):
        (tmp_path / f"{month}.csv").write_text(export(month))

    def add(month: int, *more: str) -> int:
        return main(["data", "add", str(tmp_path / f"{month}.csv"), "--name", f"month-{month}", *more])

    assert add(10, "--map", "prompt=customer", "--map", "completion=agent") == 0
    assert "As for" not in capsys.readouterr().out
    assert add(11) == 0
    said = capsys.readouterr().out
    assert "Note: As for “month-10” on " in said
    assert SAID in said
    assert main(["data", "check", "month-11"]) == 0
    assert "Noted when you added it: As for “month-10” on " in capsys.readouterr().out
    assert main(["data", "check", "month-11", "--json"]) == 0
    assert SAID in json.loads(capsys.readouterr().out)["noted"][0]
    assert add(12, "--guess-anew") == 2
    assert "choose a column for" in capsys.readouterr().err
