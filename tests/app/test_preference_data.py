"""Judged answers over REST and from the command line: added, shown, checked, exported, refused in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.cli import main
from storage.models import User

PAIRS = [{"prompt": f"Where is {i}?", "chosen": f"Here is {i}.", "rejected": f"No {i}."} for i in range(20)]
JUDGED = [{"prompt": f"Where is {i}?", "completion": f"Here is {i}.", "label": i % 2 == 0} for i in range(20)]


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(rows: list[dict[str, Any]]) -> str:
        path = tmp_path / "judged.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        return str(path)

    return write


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_commands_take_pairs(studio: User, file: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, made = command(capsys, "data", "add", file(PAIRS), "--name", "pairs")
    assert (code, made["shape"]) == (0, "preference")
    _, shown = command(capsys, "data", "show", "pairs")
    assert shown["first_rows"][0]["prompt"] == [{"role": "user", "content": "Where is 0?"}]
    code, checked = command(capsys, "data", "check", "pairs", "--base", "studio-nano")
    assert code == 0
    assert [part["name"] for part in checked["lengths"]["parts"]] == ["prompt", "answer", "rejected", "row"]
    assert set(checked["lengths"]["rejected"]) == {"training", "held_out"}
    assert checked["lengths"]["rejected"]["training"]["n_rows"] == 20 - made["n_held_out"]
    assert command(capsys, "data", "export", "pairs", "--to", str(tmp_path / "out.csv"))[0] == 0
    code, again = command(capsys, "data", "add", str(tmp_path / "out.csv"), "--name", "again", "--guess-anew")
    assert (code, again["shape"], again["n_rows"]) == (0, "preference", 20)


def test_a_refused_pair_is_named(studio: User, file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [*PAIRS, {**PAIRS[0], "rejected": PAIRS[0]["chosen"]}]
    code, told = command(capsys, "data", "add", file(rows), "--name", "pairs")
    assert code == 2
    assert [(p["row"], p["field"]) for p in told["error"]["problems"]] == [(21, "rejected")]
    code, made = command(capsys, "data", "add", file(rows), "--name", "pairs", "--leave-out-refused")
    assert (code, made["n_rows"]) == (0, 20)


def test_what_compares_pairs_refuses_single_judgements_and_offers_kto(
    studio: User, file: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "add", file(JUDGED), "--name", "judged"]) == 0
    assert "no objective" not in capsys.readouterr().out
    for objective in ("dpo", "orpo", "simpo", "sft"):
        wish = ["--base", "studio-nano", "--data", "judged", "--objective", objective, "--method", "lora"]
        code, told = command(capsys, "train", *wish, "--name", "x")
        assert code == 2
        assert "“judged” holds unpaired_preference" in told["error"]["message"]
        assert "Choose kto (KTO: answers judged one by one)" in told["error"]["message"]


def test_rest_gives_the_rows_and_their_fields(client: TestClient, studio: User, file: Any) -> None:
    with Path(file(JUDGED)).open("rb") as stream:
        sent = client.post("/api/v1/uploads", files={"file": stream}).json()["id"]
    seen = client.post("/api/v1/data/preview", json={"upload_id": sent}).json()
    assert (seen["shape"], seen["n_rows"], seen["problems"]) == ("unpaired_preference", 20, [])
    made = client.post("/api/v1/data", json={"upload_id": sent, "name": "judged"})
    assert made.status_code == 201, made.text
    rows = client.get("/api/v1/data/judged/rows").json()["rows"]
    assert [row["label"] for row in rows[:2]] == [True, False]
    assert client.get("/api/v1/data/judged/health").json()["outcome"] == "ready"
    lines = client.get("/api/v1/data/judged/export").text.splitlines()
    assert json.loads(lines[1])["label"] is False
    shapes = {shape["key"]: shape for shape in client.get("/api/v1/methods").json()["shapes"]}
    assert [field["kind"] for field in shapes["preference"]["fields"]] == [
        "prompt", "answer", "answer", "system", "tools",
    ]  # fmt: skip
