"""From a file to a chat by command line alone, on the real parts, each line with `--json`."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import supervise
from app.main import create_app
from storage import programs
from storage.jobs import jobs, worker_rows
from storage.models import User
from storage.settings import settings

ROWS = "text,label\n" + "".join(f"{'lost card' if i % 2 else 'send money'} {i},{i % 2}x\n" for i in range(60))


def train(name: str, **settings: object) -> list[str]:
    given = {"max_steps": 2, "max_length": 64, **settings}
    wish = [
        "train",
        "--base",
        "studio-nano",
        "--data",
        "cards",
        "--objective",
        "sft",
        "--method",
        "lora",
        "--name",
        name,
    ]
    return [*wish, "--preset", "quick", *(part for key, value in given.items() for part in ("--set", f"{key}={value}"))]


@pytest.mark.slow
@pytest.mark.long
def test_file_to_chat(studio_command: Any, studio: User, tmp_path: Path) -> None:
    """The journey also goes through the web, and ends with an evaluation."""
    file = tmp_path / "cards.csv"
    file.write_text(ROWS)
    code, data, _ = studio_command("data", "add", str(file), "--name", "cards", "--map", "text=text")
    assert (code, data["n_rows"]) == (0, 60)

    code, job, said = studio_command(*train("cards-lora"), "--wait")
    assert code == 0, said
    assert (job["state"], job["step"]) == ("SUCCEEDED", 2)
    assert job["verdict"]["sentence"]
    assert "No worker is running" in said
    assert worker_rows.alive() == [], "the worker that came for the job has left"

    code, artifact, _ = studio_command("artifacts", "show", "cards-lora")
    assert (code, artifact["job_id"]) == (0, job["id"])
    code, _, _ = studio_command("artifacts", "export", "cards-lora", "--to", str(tmp_path / "out"))
    assert code == 0
    assert (tmp_path / "out" / "adapter_config.json").exists()

    ask = [
        "chat",
        "--model",
        "studio-nano",
        "--model",
        "cards-lora",
        "lost card 3",
        "--max-new-tokens",
        "8",
        "--seed",
        "1",
    ]
    with programs.for_the_duration("chat", programs.CHAT) as process:
        supervise.wait_until_answers(f"{settings().chat}/healthz", process, programs.log_path("chat"), 60)
        code, chat, said = studio_command(*ask)
        assert code == 0, said
        assert [answer["model"] for answer in chat["answers"]] == ["studio-nano", "cards-lora"]
        assert [answer["weights_sha256"] for answer in chat["answers"]] == [None, artifact["weights_sha256"]]
        assert chat["instruction"] == data["instruction"] == "Answer with one of: 0x, 1x."
        over_rest(artifact["id"])

    compared = ("--model", "studio-nano", "--model", "cards-lora", "--data", "cards")
    code, evaluation, _ = studio_command("eval", *compared)
    assert (code, evaluation["state"]) == (0, "SUCCEEDED")
    assert evaluation["scores"]
    assert studio_command("artifacts", "delete", "cards-lora")[0] == 0


def over_rest(artifact: str) -> None:
    """The same artifact through the web: as a zip, and answering as a stream."""
    client = TestClient(create_app(), base_url="http://127.0.0.1:7860")
    sent = client.get(f"/api/v1/artifacts/{artifact}/download")
    assert sent.headers["Content-Disposition"].startswith('attachment; filename="cards-lora.zip"')
    names = zipfile.ZipFile(io.BytesIO(sent.content)).namelist()
    assert {"cards-lora/adapter_config.json", "cards-lora/use_me.py"} <= set(names)
    changed = client.patch(f"/api/v1/artifacts/{artifact}", json={"note": "for the team"})
    assert changed.json()["note"] == "for the team"
    wish = {"model": "cards-lora", "messages": [{"role": "user", "content": "lost card 3"}], "max_tokens": 8}
    assert "cards-lora" in [model["id"] for model in client.get("/api/v1/chat/models").json()["data"]]
    whole = client.post("/api/v1/chat/completions", json={**wish, "temperature": 0})
    assert whole.json()["choices"][0]["message"]["content"]
    with client.stream("POST", "/api/v1/chat/completions", json={**wish, "stream": True}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert [line for line in stream.iter_lines() if line][-1] == "data: [DONE]"
    wrong = client.post("/api/v1/chat/completions", json={**wish, "model": "unknown"})
    assert wrong.status_code == 404


@pytest.mark.long
def test_a_chat_without_a_server_brings_one(studio_command: Any) -> None:
    code, chat, said = studio_command("chat", "--model", "studio-nano", "What is 2 + 3?", "--max-new-tokens", "8")
    assert code == 0, said
    assert "starting a temporary one" in said
    assert [answer["model"] for answer in chat["answers"]] == ["studio-nano"]
    assert chat["instruction"] == ""


@pytest.mark.long
def test_leaving_while_waiting_keeps_the_job(studio_command: Any, studio: User, tmp_path: Path) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(ROWS)
    assert studio_command("data", "add", str(file), "--name", "cards")[0] == 0
    wish = [sys.executable, "-m", "app.cli", *train("long", max_steps=5000, num_train_epochs=1000), "--wait", "--json"]
    waiting = subprocess.Popen(wish, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not any(job.step for job in jobs.of_user(studio)):
        time.sleep(0.2)
    waiting.send_signal(signal.SIGINT)
    out, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 1
    assert json.loads(out)["error"]["code"] == "interrupted"
    [job] = jobs.of_user(studio)
    assert job.state == "QUEUED", "drained: checkpointed, and back in the queue"
    assert job.checkpoint_step > 0
    assert job.id in said
    assert worker_rows.alive() == []
