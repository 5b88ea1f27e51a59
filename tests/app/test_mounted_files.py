"""A browser may name only files that it uploaded: mounting Gradio in FastAPI would switch that check off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from sqlmodel import func, select
from starlette.requests import Request

from app import pages
from app.main import create_app
from app.pages import drop
from storage import db, users
from storage.models import Upload, User
from storage.settings import settings

CANARY = b"text,label\n" + b"canary,bird\n" * 20


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


def test_a_file_that_somebody_else_sent_cannot_be_read_or_taken(studio: User) -> None:
    ann, ben = (users.add(name, "long enough") for name in ("ann", "ben"))
    app = create_app()
    address = {"base_url": "http://127.0.0.1:7860", "raise_server_exceptions": False}
    with TestClient(app, **address) as client:  # type: ignore[arg-type]
        sent = client.post("/gradio_api/upload", files={"files": ("a.csv", CANARY)}, auth=(ann.name, "long enough"))
        path = Path(sent.json()[0])
        assert path.read_bytes() == CANARY
        assert client.get(f"/gradio_api/file={path}", auth=(ann.name, "long enough")).content == CANARY
        for named in (str(path), f"{path.parent}/../{path.parent.name}/{path.name}"):
            for door in ("file=", "file/"):
                answer = client.get(f"/gradio_api/{door}{named}", auth=(ben.name, "long enough"))
                assert answer.status_code in (403, 404)
                assert "canary" not in answer.text
        seed = next(settings().inbox.glob("*.txt"), settings().inbox / "hash_seed.txt")
        assert client.get(f"/gradio_api/file={seed}", auth=(ben.name, "long enough")).status_code in (403, 404)
    for user, told in ((ben, "not a file that was sent here"), (ann, "")):
        request = gr.Request(request=Request({"type": "http", "headers": [], "studio_user": user}))
        alert, _ = drop.take(request, [str(path)])
        assert told in alert
        assert (alert == "") is (told == "")
    assert not path.exists()


def test_the_same_file_from_two_people_is_two_files(studio: User, client: TestClient) -> None:
    paths = [client.post("/gradio_api/upload", files={"files": ("a.csv", CANARY)}).json()[0] for _ in range(2)]
    assert paths[0] != paths[1]
    assert {Path(path).read_bytes() for path in paths} == {CANARY}
