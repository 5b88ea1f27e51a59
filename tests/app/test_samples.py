"""Sample data over REST, on the command line and on the pages: listed, taken, refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from app.cli import main
from app.pages import drop
from storage import db
from storage.data import datasets, uploads
from storage.models import Upload, User
from templates import samples
from tests.app.pages.conftest import asking  # noqa: F401


def n_uploads() -> int:
    with db.reading() as session:
        return len(session.exec(select(Upload)).all())


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_rest_lists_the_sets_and_takes_one(client: TestClient, studio: User) -> None:
    listed = client.get("/api/v1/samples").json()
    assert [row["name"] for row in listed] == list(samples.offered())
    assert all(row["shows"] and row["n_rows"] and row["shape"] for row in listed)
    taken = client.post("/api/v1/samples/support")
    assert taken.status_code == 201
    assert taken.json()["filename"] == "support.csv"
    made = client.post("/api/v1/data", json={"upload_id": taken.json()["id"], "name": "answers"}).json()
    assert (made["shape"], made["n_rows"]) == ("prompt_completion", samples.sample("support").file.n_rows)


@pytest.mark.parametrize("name", ["unknown", "..%2Fmodels", "README.md", "intents.csv"])
def test_what_is_no_sample_is_refused(client: TestClient, studio: User, name: str) -> None:
    answer = client.post(f"/api/v1/samples/{name}")
    assert 400 <= answer.status_code < 500
    assert n_uploads() == 0


def test_the_command_lists_the_sets(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    code, listed = command(capsys, "data", "samples")
    assert code == 0
    assert listed[0]["name"] == samples.DEFAULT
    assert {"name", "title", "shape", "n_rows", "shows"} == set(listed[0])


def test_the_command_adds_a_sample_under_its_name_or_another(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(capsys, "data", "add", "--sample", "headlines")[0] == 0
    code, made = command(capsys, "data", "add", "--sample", "intents", "--name", "mail")
    assert code == 0
    assert (made["name"], made["shape"], made["source_filename"]) == ("mail", "classification", "intents.csv")
    assert {row.name for row in datasets.of_user(studio)} == {"headlines", "mail"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sample", "unknown"], "not a sample dataset"),
        (["--sample", "intents", "some.csv"], "give one of them"),
        (["--name", "mine"], "give one of them"),
        (["--sample", "intents", "--name", ""], "letters"),
    ],
)
def test_the_command_refuses_in_words(
    studio: User, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, told = command(capsys, "data", "add", *arguments)
    assert code == 2
    assert said in json.dumps(told, ensure_ascii=False)
    assert datasets.of_user(studio) == []
    assert n_uploads() == 0


@pytest.mark.parametrize("key", samples.offered())
def test_a_chosen_set_leads_to_its_page(studio: User, asking: Any, key: str) -> None:  # noqa: F811
    alert, following = drop.take_sample(asking(studio), key)
    assert alert == ""
    kept = uploads.get(studio, following.removeprefix("data?upload="))
    assert kept.filename == samples.sample(key).file.name


def test_a_forged_choice_takes_nothing(studio: User, asking: Any) -> None:  # noqa: F811
    alert, _ = drop.take_sample(asking(studio), "../pyproject.toml")
    assert "not a sample dataset" in alert
    assert n_uploads() == 0
