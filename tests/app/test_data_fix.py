"""Mending, comparing and exporting versions through the command line and over REST."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage.data import datasets, uploads
from storage.models import Dataset, User
from tests.storage.data.health import planted


@pytest.fixture
def spaced(studio: User) -> Dataset:
    """A dataset with three answers in blanks, and a row that comes twice."""
    plot = planted.clean_answers(80)
    for row in plot.rows[:3]:
        row["completion"] = f"  {row['completion']}\n"
    plot.rows.append(plot.rows[10])
    lines = [json.dumps({key: row[key] for key in ("prompt", "completion")}) for row in plot.rows]
    return datasets.add(studio, uploads.save(studio, "r.jsonl", io.BytesIO("\n".join(lines).encode())), name="rows")


def command(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_from_finding_to_mended_version_by_command(
    spaced: Dataset, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = {one["check"]: one["fix"] for one in command(capsys, "data", "check", "rows")["findings"]}
    assert found["edge_spaces"] == "Strip them"
    made = command(capsys, "data", "fix", "rows", "--fix", "edge_spaces", "--fix", "exact_duplicates")
    assert (made["name"], made["n_rows"], made["parent_id"]) == ("rows-v2", 80, spaced.id)
    assert [(fix["check"], fix["n_dropped"], fix["n_changed"]) for fix in made["fixes"]] == [
        ("edge_spaces", 0, 3),
        ("exact_duplicates", 1, 0),
    ]
    shown = command(capsys, "data", "diff", "rows", "rows-v2")
    assert {kind: shown[kind]["count"] for kind in ("dropped", "added", "changed", "moved")} == {
        "dropped": 1, "added": 0, "changed": 3, "moved": 0,
    }  # fmt: skip
    first = shown["changed"]["first"][0]
    assert first["before"]["completion"].strip() == first["after"]["completion"]
    file = tmp_path / "clean.jsonl"
    assert command(capsys, "data", "export", "rows-v2", "--to", str(file))["n_rows"] == 80
    assert len(file.read_text().splitlines()) == 80
    refused = command(capsys, "data", "fix", "rows", "--fix", "magic", code=2)
    assert "magic" in json.dumps(refused)
    assert {one["name"] for one in command(capsys, "data", "list")} == {"rows", "rows-v2"}


def test_rows_with_named_words_are_dropped_by_command_and_over_rest(
    spaced: Dataset, client: TestClient, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    word = datasets.rows(spaced)[20]["prompt"].split()[3]
    texts = (f"{row['prompt']}\n{row['completion']}" for row in datasets.rows(spaced))
    n_rows = sum(re.search(rf"\b{word}\b", text, re.IGNORECASE) is not None for text in texts)
    file = tmp_path / "words.txt"
    file.write_text(f"{word.upper()}\nnever-said\n")
    assert main(["data", "fix", "rows", "--fix", "listed_words", "--words", str(file), "--to", "tidy"]) == 0
    said = capsys.readouterr().out
    assert f"Drop the rows: {n_rows} dropped, 0 changed." in said
    assert f"Dropped for “{word.upper()}”." in said
    wish = {"fixes": ["listed_words"], "words": [word], "name": "tidied"}
    made = client.post("/api/v1/data/rows/fixes", json=wish)
    assert made.status_code == 201, made.text
    assert made.json()["fixes"][0]["words"] == [word]
    assert made.json()["n_rows"] == spaced.n_rows - n_rows
    refused = client.post("/api/v1/data/rows/fixes", json={"fixes": ["listed_words"]})
    assert refused.json()["error"]["problems"][0]["field"] == "words"


def test_the_same_over_rest(spaced: Dataset, client: TestClient) -> None:
    wish = {"fixes": ["edge_spaces"], "name": "clean"}
    made = client.post("/api/v1/data/rows/fixes", json=wish)
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "clean"
    again = client.post("/api/v1/data/rows/fixes", json=wish)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    line = client.get("/api/v1/data/clean/versions").json()
    assert [one["name"] for one in line["lineage"]] == ["rows", "clean"]
    assert line["made_of_it"] == []
    found = client.get("/api/v1/data/clean/difference", params={"older": "rows", "limit": 1}).json()
    assert (found["changed"]["count"], len(found["changed"]["first"]), found["n_same"]) == (3, 1, 78)
    sent = client.get("/api/v1/data/clean/export", params={"format": "csv"})
    assert sent.headers["content-disposition"] == "attachment; filename*=UTF-8''clean.csv"
    assert sent.text.count("\r\n") == 82
    assert client.get("/api/v1/data/clean/export", params={"format": "exe"}).status_code == 422
    assert client.post("/api/v1/data/rows/fixes", json={"fixes": ["nonsense"]}).status_code == 422
