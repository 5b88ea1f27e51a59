"""Joined columns and rows that can't be read, through the command line and REST."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage.models import User

MAILS = "topic,mail,note,answer\n" + "".join(f"topic {i},mail {i} x,note {i} x,answer {i}\n" for i in range(12))
CUT = MAILS.encode() + b"so \xf0\x9f\x98,mail,note,answer\n" + b"one,two\n"


@pytest.mark.parametrize(
    "options",
    [["--map", "prompt=topic+mail"], ["--map", "prompt=topic", "--map", "prompt=mail"]],
    ids=["plus", "repeated"],
)
def test_the_command_line_joins_columns(
    studio: User, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    file = tmp_path / "mails.csv"
    file.write_text(MAILS)
    assert main(["data", "add", str(file), "--name", "mails", *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mapping"] == {"prompt": "topic + mail", "completion": "answer"}
    assert main(["data", "show", "mails", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["first_rows"][0]["prompt"] == "topic 0\n\nmail 0 x"


def test_the_command_line_names_the_ways_out_and_takes_them(
    studio: User, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mails.csv"
    file.write_bytes(CUT)
    command = ["data", "add", str(file), "--name", "mails", "--map", "prompt=topic+mail"]
    assert main(command) == 2
    said = capsys.readouterr().err
    for part in ("row 14", "row 15", "the other 12 rows", "--leave-out-refused", "--replace-unreadable"):
        assert part in said
    assert main([*command, "--leave-out-refused", "--replace-unreadable"]) == 0
    said = capsys.readouterr().out
    assert "mails: 13 rows" in said
    assert "Note: Left out 1 row " in said
    assert "Note: Broken characters were replaced by \ufffd." in said


@pytest.mark.parametrize("choice", [["topic", "mail"], "topic+mail", "topic + mail"], ids=str)
def test_rest_takes_a_list_or_a_text(client: TestClient, choice: Any) -> None:
    upload = client.post("/api/v1/uploads", files={"file": ("mails.csv", MAILS.encode())}).json()["id"]
    asked = {"upload_id": upload, "mapping": {"prompt": choice}}
    seen = client.post("/api/v1/data/preview", json=asked).json()
    assert seen["mapping"] == {"prompt": "topic + mail", "completion": "answer"}
    assert seen["rows"][0]["prompt"] == "topic 0\n\nmail 0 x"
    assert seen["choice"]["fields"][0]["columns"] == ["topic", "mail"]
    made = client.post("/api/v1/data", json={**asked, "name": "mails"}).json()
    assert made["mapping"] == seen["mapping"]
    again = client.post("/api/v1/data/preview", json={"upload_id": upload}).json()
    assert (again["choice"]["came_from"], again["mapping"]) == ("remembered", seen["mapping"])


def test_rest_names_single_rows_and_takes_the_others(client: TestClient) -> None:
    upload = client.post("/api/v1/uploads", files={"file": ("mails.csv", CUT)}).json()["id"]
    asked = {"upload_id": upload, "mapping": {"prompt": ["topic", "mail"]}}
    seen = client.post("/api/v1/data/preview", json=asked).json()
    assert [problem["row"] for problem in seen["problems"]] == [14, 15]
    assert (seen["n_rows"], seen["n_refused"], seen["n_unreadable"], seen["look"]["n_unread"]) == (12, 2, 1, 2)
    assert client.post("/api/v1/data", json={**asked, "name": "a", "replace_unreadable": True}).status_code == 422
    made = client.post("/api/v1/data", json={**asked, "name": "a", "leave_out_refused": True}).json()
    assert made["n_rows"] == 12
