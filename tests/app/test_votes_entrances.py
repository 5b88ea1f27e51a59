"""Votes over REST and by command: whose they are, what forged requests get, and what the documents say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import auth, cli
from storage import users
from storage.models import User
from storage.votes import votes
from tests.storage.votes.voting import NANO, SMALL, asked, voted

PASSWORD = "correct horse battery"
ALICE, BOB = ("alice", PASSWORD), ("bob", PASSWORD)
VOTES = "/api/v1/votes"


@pytest.fixture
def people(studio: User, monkeypatch: pytest.MonkeyPatch) -> tuple[User, User]:
    monkeypatch.setattr(auth, "FRESH_S", 0.0)
    return users.add("alice", PASSWORD), users.add("bob", PASSWORD)


def test_nobody_reads_or_gives_the_votes_of_others(client: TestClient, people: tuple[User, User]) -> None:
    question = asked(people[0], "My secret?")
    assert client.post(f"{VOTES}/{question.id}", json={"choice": "left"}, auth=BOB).status_code == 404
    given = client.post(f"{VOTES}/{question.id}", json={"choice": "left", "note": "sure"}, auth=ALICE).json()
    assert (given["choice"], given["preferred"], given["is_new"]) == ("left", NANO, True)
    again = client.post(f"{VOTES}/{question.id}", json={"choice": "right"}, auth=ALICE).json()
    assert (again["choice"], again["is_new"]) == ("left", False)
    assert client.delete(f"{VOTES}/{question.id}", auth=BOB).status_code == 404
    assert client.get(VOTES, auth=BOB).json() == []
    assert client.get(f"{VOTES}/tally", auth=BOB).json()["n"] == 0
    refused = client.post(f"{VOTES}/datasets", json={}, auth=BOB)
    assert (refused.status_code, "secret" in refused.text) == (422, False)
    assert client.get(VOTES).status_code == 401
    assert [one["note"] for one in client.get(VOTES, auth=ALICE).json()] == ["sure"]
    assert client.delete(f"{VOTES}/{question.id}", auth=ALICE).status_code == 204
    assert votes.of_user(people[0]) == []


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"models": [NANO, "../../etc/passwd"], "prompt": "x"}, 404, "no model"),
        ({"models": [NANO, "alices-own"], "prompt": "x"}, 404, "no model"),
        ({"models": [NANO], "prompt": "x"}, 422, "You chose 1 model"),
        ({"models": [NANO, NANO], "prompt": "x"}, 422, "chosen twice"),
        ({"models": [NANO, SMALL], "prompt": " "}, 422, "Type a prompt"),
        ({"models": [NANO, SMALL], "source": "training", "data": "nothing"}, 404, "no dataset"),
        ({"models": [NANO, SMALL], "source": "elsewhere", "data": "x"}, 422, "not a source"),
        ({"models": [NANO, SMALL], "prompt": "x", "left": NANO}, 422, "left"),
    ],
)
def test_forged_questions_are_refused(client: TestClient, body: dict[str, Any], status: int, words: str) -> None:
    answer = client.post(f"{VOTES}/questions", json=body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert votes.of_user(users.local(), unanswered=True) == []


def test_a_forged_choice_or_model_is_refused(client: TestClient, studio: User) -> None:
    question = asked(studio, "Is it?")
    assert client.post(f"{VOTES}/{question.id}", json={"choice": "middle"}).status_code == 422
    assert client.post(f"{VOTES}/{question.id}", json={"choice": "left", "left_model": "x"}).status_code == 422
    assert client.get(f"{VOTES}/tally?models=nowhere,{NANO}").status_code == 404
    assert client.get(f"{VOTES}/tally?models={NANO}").status_code == 422
    assert client.get(f"{VOTES}/tally?source=mine").status_code == 422
    assert votes.get(studio, question.id).choice is None


def by_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = cli.main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_commands_list_count_and_make(studio: User, capsys: pytest.CaptureFixture[str]) -> None:
    assert by_command(capsys, "votes", "list") == (0, [])
    for i in range(3):
        voted(studio, f"prompt {i}", "left")
    voted(studio, "even", "tie")
    code, listed = by_command(capsys, "votes", "list", "--limit", "2")
    assert (code, [one["choice"] for one in listed]) == (0, ["tie", "left"])
    code, tally = by_command(capsys, "votes", "tally", "--model", NANO, "--model", SMALL)
    (pair,) = tally["pairs"]
    assert (code, pair["a"]["name"], pair["win_share_a"]["value"], pair["outcome"]) == (0, NANO, 0.875, "undecided")
    assert pair["more_votes_needed"] == 6
    code, made = by_command(capsys, "votes", "dataset", "--name", "liked")
    assert (code, made["name"], made["n_rows"], made["left_out"]) == (0, "liked", 3, {"tie": 1})
    assert by_command(capsys, "votes", "dataset", "--name", "liked")[0] == 1
    assert by_command(capsys, "votes", "tally", "--model", NANO)[0] == 2
    assert cli.main(["votes", "tally"]) == 0
    assert "A result needs votes on at least 10 prompts: 6 to go." in capsys.readouterr().out
