"""The order for a download: the owner's own token goes to the child, and nowhere else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from storage import credentials
from storage.data import uploads
from storage.jobs import jobs, leases, worker_rows
from storage.jobs.leases import Lease
from storage.models import Job, User
from storage.planning import additions
from storage.settings import settings
from templates.errors import NotFound, StudioError
from tests.conftest import forget_caches
from tests.played_hub import PlayedHub
from workers import orders
from workers.orders.download import DownloadOrder

TOKEN = "hf_0123456789abcdef"


def claim(_job: Job) -> Lease:
    lease = leases.claim(worker_rows.register(device="cpu", slots=1))
    assert lease
    return lease


def test_the_token_goes_through_the_pipe_only(
    studio: User, hub: PlayedHub, nano_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/locked", nano_folder, gated_for={TOKEN})
    credentials.keep(studio.id, credentials.HUB, TOKEN)
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:hunter2@index/simple")
    job = additions.submit(studio, "mine", "org/locked")
    order = orders.of(claim(job), threads=1)
    assert isinstance(order, DownloadOrder)
    for shown in (repr(order), str(order), json.dumps(job.spec), str(order.model_dump())):
        assert TOKEN not in shown
        assert "hunter2" not in shown
    sent = order.model_dump_json()
    read = orders.read(sent.encode())
    assert isinstance(read, DownloadOrder)
    assert read == order
    assert read.token is not None
    assert read.token.get_secret_value() == TOKEN
    assert read.network["HF_ENDPOINT"].get_secret_value() == hub.url
    assert [p for p in settings().root.rglob("*") if p.is_file() and TOKEN.encode() in p.read_bytes()] == []


def test_without_the_key_the_job_says_so(
    studio: User, hub: PlayedHub, nano_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("org/nano", nano_folder)
    credentials.keep(studio.id, credentials.HUB, TOKEN)
    lease = claim(additions.submit(studio, "mine", "org/nano"))
    monkeypatch.setenv("STUDIO_SECRET_KEY", "the key of another machine")
    forget_caches()
    with pytest.raises(StudioError, match="encrypted with another key"):
        orders.of(lease, threads=1)


def test_an_upload_is_found_or_missed_in_words(studio: User) -> None:
    upload = uploads.save(studio, "m.gguf", io.BytesIO(b"GGUF...."))
    lease = claim(additions.submit(studio, "mine", upload.id))
    order = orders.of(lease, threads=1)
    assert isinstance(order, DownloadOrder)
    assert Path(order.file).read_bytes() == b"GGUF...."
    assert order.token is None
    uploads.discard(studio, upload)
    with pytest.raises(NotFound, match="Send the file again"):
        orders.of(lease, threads=1)
    assert jobs.get(studio, lease.job.id).state == "RUNNING"
