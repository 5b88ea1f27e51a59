"""The web process as a whole."""

from __future__ import annotations

import json
import subprocess
import sys

from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.main import create_app
from storage.models import User
from storage.settings import settings

HEAVY = ("torch", "transformers", "peft", "trl", "accelerate", "bitsandbytes")
FRESH = f"""
import json, sys
from app.main import create_app
create_app()
import app.cli, app.doctor, app.supervise, app.bench
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def test_the_web_process_imports_nothing_heavy(studio: User) -> None:
    found = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, check=True, text=True)
    assert json.loads(found.stdout) == []


def test_what_a_killed_web_process_had_unpacked_is_removed_at_the_next_start(studio: User) -> None:
    left = settings().root / "scratch" / "process-killed"
    (left / "studio-files-x").mkdir(parents=True)
    create_app()
    assert not left.exists()


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"database": "ok", "broker": "ok", "disk": "ok"}


def test_a_wrong_schema_is_not_ready(client: TestClient) -> None:
    from sqlalchemy import text

    from storage import db

    with db.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "needs `studio db upgrade`"


def test_a_silent_broker_does_not_stop_anything(client: TestClient, monkeypatch: object) -> None:
    from pathlib import Path

    from storage.jobs import queue

    (Path(settings().root) / "broker.db").mkdir()
    queue.celery.cache_clear()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["database"] == "ok"


def test_the_rest_interface_documents_itself(web: FastAPI) -> None:
    for path, operations in web.openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path} needs a docstring"
