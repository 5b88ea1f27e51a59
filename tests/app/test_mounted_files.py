"""A browser may name only files that it uploaded: mounting Gradio in FastAPI would switch that check off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from sqlmodel import func, select

from app import pages
from app.main import create_app
from storage import db
from storage.models import Upload, User


def forged(path: Path) -> dict[str, Any]:
    return {"path": str(path), "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file of this machine that is nobody's upload."""
    path = tmp_path / "secret.csv"
    path.write_text("prompt,completion\n" + "canary,canary\n" * 20)
    return path


def test_a_path_that_was_not_uploaded_is_refused(
    studio: User, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tattling() -> gr.Blocks:
        with gr.Blocks() as blocks:
            file, text = gr.File(), gr.Textbox()
            file.upload(lambda path: Path(path).read_text(), file, text, queue=False)
        return blocks

    monkeypatch.setattr(pages, "build", tattling)
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860", raise_server_exceptions=False)
    sent = client.post("/gradio_api/upload", files={"files": ("mine.csv", b"my own")})
    own = client.post("/gradio_api/run/predict", json={"fn_index": 0, "data": [forged(Path(sent.json()[0]))]})
    assert own.json()["data"] == ["my own"], "the test can tell"
    for path in (secret_file, Path("/etc/passwd"), Path("/proc/self/environ")):
        answer = client.post("/gradio_api/run/predict", json={"fn_index": 0, "data": [forged(path)]})
        assert answer.status_code >= 400
        assert "canary" not in answer.text
        assert "root:" not in answer.text


def test_no_event_of_the_pages_takes_a_forged_path(whole_client: TestClient, secret_file: Path) -> None:
    client = whole_client
    config = client.get("/config").json()
    files = {part["id"] for part in config["components"] if part["type"] in ("file", "uploadbutton")}
    events = [event for event in config["dependencies"] if files & set(event["inputs"])]
    assert events, "the drop zone is an event that takes a file"
    for number, event in enumerate(events):
        data = [forged(secret_file) if part in files else None for part in event["inputs"]]
        wish = {"fn_index": event["id"], "data": data, "session_hash": f"forger{number}"}
        client.post("/gradio_api/run/predict", json=wish)
        client.post("/gradio_api/queue/join", json=wish)
        with client.stream("GET", f"/gradio_api/queue/data?session_hash=forger{number}") as answer:
            for line in answer.iter_lines():
                assert "canary" not in line
                if line.startswith("data:") and json.loads(line[5:])["msg"] in ("process_completed", "close_stream"):
                    break
    with db.reading() as session:
        assert session.exec(select(func.count()).select_from(Upload)).one() == 0
    assert secret_file.exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "studio.db", "chat.secret"])
def test_gradio_serves_no_file_of_this_machine(client: TestClient, tmp_path: Path, path: str) -> None:
    named = path if path.startswith("/") else str(tmp_path / "studio" / path)
    assert client.get(f"/gradio_api/file={named}").status_code in (403, 404)
