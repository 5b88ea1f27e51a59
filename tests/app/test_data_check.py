"""The health report through the command line and over REST."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main, output
from storage import users
from storage.data import datasets, uploads
from storage.models import Dataset, User
from tests.storage.data.health import planted

CARD = "4111 1111 1111 1111"


@pytest.fixture
def checked(studio: User) -> Dataset:
    """A dataset with a card number, a refusal and a row twice, added as a user would."""
    plot = planted.clean_answers(120)
    plot.pair(prompt=f"Please charge {CARD} for the last order.")
    first = plot.pair(completion="I'm sorry, but I can't help with that.")
    plot.pair(prompt=first["prompt"], completion=first["completion"])
    lines = [json.dumps({key: row[key] for key in ("prompt", "completion")}) for row in plot.rows]
    upload = uploads.save(studio, "rows.jsonl", io.BytesIO("\n".join(lines).encode()))
    return datasets.add(studio, upload, name="rows")


def found(document: dict[str, Any]) -> dict[str, Any]:
    return {one["check"]: one for one in document["findings"]}


def test_the_command_prints_a_report(checked: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", "rows", "--base", "studio-nano"]) == 0
    said = capsys.readouterr().out
    assert f"rows: 123 rows, {checked.n_held_out} of them held out" in said
    assert "1 row contains personal data: card number in 1." in said
    assert "Read by studio-nano, whose context window holds" in said
    assert "Nothing found: " in said
    assert "Ready with warnings: " in said
    assert "A model trained on it could not learn " in said
    assert CARD not in said
    heads = [line.index("share") for line in said.splitlines() if line.startswith("finding ")]
    rows = [line for line in said.splitlines() if line.startswith("Personal data ")]
    assert len(rows[0]) == heads[0] + len("share")


def test_the_command_says_how_far_it_is_and_only_where_logs_belong(
    checked: Dataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "TOLD_EVERY_S", 0.0)
    assert main(["data", "check", "rows", "--base", "studio-nano", "--json"]) == 0
    said = capsys.readouterr()
    assert "Looking for: near duplicates" in said.err
    assert "Counting tokens" in said.err
    json.loads(said.out)


def test_the_command_and_rest_give_the_same_document(
    checked: Dataset, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", "rows", "--base", "studio-nano", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    answer = client.get("/api/v1/data/rows/health", params={"base": "studio-nano"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == printed
    assert printed["outcome"] == "ready with warnings"
    assert printed["n_rows"] == 123
    assert printed["lengths"]["training"]["n_rows"] == 123 - checked.n_held_out
    assert [part["name"] for part in printed["lengths"]["parts"]] == ["prompt", "answer", "row"]
    assert printed["lengths"]["rejected"] is None
    personal = found(printed)["personal_data"]
    assert (personal["count"], personal["out_of"], personal["level"]) == (1, 123, "warning")
    assert personal["examples"][0]["row"] == 121
    assert CARD not in json.dumps(printed)


def test_without_a_base_model_lengths_are_said_to_be_missing(
    checked: Dataset, client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert client.get("/api/v1/data/rows/health").json()["lengths"] is None
    assert main(["data", "check", "rows"]) == 0
    said = capsys.readouterr().out
    assert "Lengths were not measured; use --base MODEL" in said
    assert "context window" not in said


@pytest.mark.parametrize("sample", ["intents", "headlines", "sea_log", "support"])
def test_our_own_samples_are_ready(studio: User, capsys: pytest.CaptureFixture[str], sample: str) -> None:
    assert main(["data", "add", "--sample", sample]) == 0
    capsys.readouterr()
    assert main(["data", "check", sample, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["outcome"], document["findings"]) == ("ready", [])


def test_what_is_unknown_is_said(checked: Dataset, client: TestClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert client.get("/api/v1/data/other/health").status_code == 404
    assert client.get("/api/v1/data/rows/health", params={"base": "other"}).status_code == 404
    assert main(["data", "check", "other"]) == 2
    assert "There is no dataset “other”" in capsys.readouterr().err
    assert main(["data", "check", "rows", "--base", "other"]) == 2
    assert "There is no base model “other”" in capsys.readouterr().err


def test_words_are_looked_for_by_command_and_over_rest(
    checked: Dataset, client: TestClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "words.txt"
    file.write_text("# what must not be said\nCHARGE\nlast order\nunheard-of\n")
    assert main(["data", "check", "rows", "--words", str(file), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    named = ["CHARGE", "last order", "unheard-of"]
    answer = client.get("/api/v1/data/rows/health", params={"words": named})
    assert answer.json() == printed
    assert client.post("/api/v1/data/rows/health", json={"words": named}).json() == printed
    one = found(printed)["listed_words"]
    assert (one["count"], one["words"]) == (1, ["CHARGE", "last order"])
    assert one["says"] == "1 row contains words from your list: “CHARGE” in 1, “last order” in 1; 1 in the prompt only."
    assert CARD not in json.dumps(printed)
    assert main(["data", "check", "rows", "--words", str(file)]) == 0
    assert "words from your list: “CHARGE” in 1" in capsys.readouterr().out
    assert "Words from your list" not in client.get("/api/v1/data/rows/health").json()["clean"]


def test_a_list_of_words_that_can_not_be_used_is_said(
    checked: Dataset, client: TestClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(b"fine\n\xe4h\n" + b"x" * 101)
    assert main(["data", "check", "rows", "--words", str(file)]) == 2
    said = capsys.readouterr().err
    assert "words.txt”, row 2: is not UTF-8 text. Save the file as UTF-8." in said
    assert "words.txt”, row 3: has 101 characters. Use at most 100 in a word or phrase." in said
    for sent in (
        client.get("/api/v1/data/rows/health", params={"words": ["a", ""]}),
        client.post("/api/v1/data/rows/health", json={"words": ["a", ""]}),
        client.post("/api/v1/data/rows/fixes", json={"fixes": ["listed_words"], "words": ["a", ""]}),
    ):
        assert sent.status_code == 422
        assert [(p["row"], p["field"]) for p in sent.json()["error"]["problems"]] == [(2, "words")]


def test_nobody_elses_dataset_is_checked(checked: Dataset) -> None:
    from storage.data.health import report
    from templates.errors import NotFound

    other = users.add("somebody", "a long password of 4 words")
    with pytest.raises(NotFound):
        report.of_dataset(other, checked.id)
