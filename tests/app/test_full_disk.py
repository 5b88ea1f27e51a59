"""A full disk is said at every door, with the bytes needed and free, and never becomes an internal error."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, text

from app import cli, notify
from storage import db, disk
from storage.data import datasets, uploads
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput

CONTENT = b"text,label\n" + b"where is my parcel?,delivery\nI want my money back,refund\n" * 500


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`full(n)`: from now on, the disk has `n` bytes free, and no file can be written."""

    def fill(n_free: int) -> None:
        monkeypatch.setattr(disk, "free_bytes", lambda *_: n_free)

        def write(*_: Any, **__: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", write)

    return fill


@pytest.fixture
def tiny_database(studio: User) -> Iterator[None]:
    """A database whose file can't grow any more."""

    def limit(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # SQLite takes the present size

    engine = db.engine()
    engine.dispose()
    event.listen(engine, "connect", limit)
    yield
    event.remove(engine, "connect", limit)
    engine.dispose()


def send(client: TestClient, content: bytes = CONTENT) -> Any:
    return client.post("/api/v1/uploads", files={"file": ("tickets.csv", content)})


@pytest.mark.parametrize("n_free", [0, 5_000])
def test_an_upload_without_room_is_refused_with_both_sizes(
    client: TestClient, full: Callable[[int], None], n_free: int
) -> None:
    full(n_free)
    answer = send(client)
    assert answer.status_code == 507
    assert answer.json()["error"]["code"] == "disk_full"
    free = "0 bytes" if n_free == 0 else "5.0 kB"
    assert f"kB, but the studio's disk has {free} free." in answer.json()["error"]["message"]
    assert list((settings().files / "blobs").rglob("*")) == []


def test_the_pages_upload_is_refused_before_it_is_read(client: TestClient, full: Callable[[int], None]) -> None:
    full(5_000)
    answer = client.post("/gradio_api/upload", files={"files": ("tickets.csv", CONTENT)})
    assert answer.status_code == 507
    assert "the studio's disk has 5.0 kB free" in answer.text


def test_the_command_line_says_it(
    studio: User, full: Callable[[int], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tickets.csv").write_bytes(CONTENT)
    full(5_000)
    assert cli.main(["data", "add", str(tmp_path / "tickets.csv"), "--name", "t", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "disk_full"


def test_a_dataset_that_does_not_fit_is_not_made_and_the_upload_stays(
    client: TestClient, full: Callable[[int], None]
) -> None:
    upload = send(client).json()["id"]
    full(1_000_000)
    made = client.post("/api/v1/data", json={"upload_id": upload, "name": "tickets"})
    assert made.status_code == 507
    assert "This needs at least" in made.json()["error"]["message"]
    assert "1.0 MB free" in made.json()["error"]["message"]
    assert client.get("/api/v1/data").json() == []
    assert client.post("/api/v1/data/preview", json={"upload_id": upload}).status_code == 200


def test_reading_without_room_keeps_the_upload(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.data.intake import reader_process

    kept = uploads.save(studio, "tickets.csv", io.BytesIO(CONTENT))
    with monkeypatch.context() as patch:
        patch.setattr(reader_process, "run", lambda *_: reader_process.DISK_FULL)
        with pytest.raises(disk.DiskFull, match=r"tickets\.csv.*needs at least .* free"):
            datasets.preview(studio, kept)
    assert datasets.preview(studio, uploads.get(studio, kept.id)).n_rows == 1000


def test_a_zip_that_unpacks_to_more_than_fits_is_refused_before(studio: User, full: Callable[[int], None]) -> None:
    sent = [("a.csv", io.BytesIO(CONTENT)), ("b.csv", io.BytesIO(CONTENT))]
    kept = uploads.save_all(studio, sent)
    full(5_000)
    with pytest.raises(disk.DiskFull, match=r"needs 57 kB, but the studio's disk has 5.0 kB free"):
        datasets.preview(studio, kept)
    assert uploads.get(studio, kept.id)


def test_a_full_database_is_a_full_disk(client: TestClient, tiny_database: None) -> None:
    answer = None
    for _ in range(200):
        answer = send(client)
        if answer.status_code != 201:
            break
    assert answer is not None
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_full")
    assert "The studio's disk is full" in answer.json()["error"]["message"]


def test_readiness_knows(client: TestClient, full: Callable[[int], None]) -> None:
    full(5_000)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["disk"] == "full: 5.0 kB free, at least 17 MB needed"


class FullFile(io.StringIO):
    """A file on a full disk: it fails when its buffer is written."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("fails", ["open", "write", "close", "folder"])
def test_an_error_log_that_cannot_be_written_does_not_take_the_answer(
    studio: User, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "broken")

    target = {
        "open": (notify._ErrorLog, "_open"),
        "write": (notify._ErrorLog, "format"),
        "close": (notify._ErrorLog, "close"),
        "folder": (notify, "log_file"),
    }
    monkeypatch.setattr(*target[fails], refuse)
    told = notify.told(KeyError("x"))
    assert told.code == "internal"
    assert str(told) == "Something went wrong inside the studio. Try again in a moment."


def test_a_log_on_a_full_disk_does_not_take_the_answer(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify._ErrorLog, "_open", lambda _: FullFile())
    assert notify.told(KeyError("x")).code == "internal"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        ValueError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_every_kind_of_full_is_told_as_such(studio: User, error: Exception) -> None:
    told = notify.told(error)
    assert (told.code, told.http_status) == ("disk_full", 507)
    wrapped = RuntimeError("a library's own words")
    wrapped.__cause__ = error
    assert notify.told(wrapped).code == "disk_full"


def test_other_errors_of_the_database_stay_what_they_are(studio: User) -> None:
    with pytest.raises(Exception) as raised, db.writing() as session:  # noqa: PT011
        session.execute(text("SELECT * FROM nothing"))
    assert notify.told(raised.value).code == "database"


def test_a_text_about_full_disks_is_only_a_text(studio: User) -> None:
    refused = BadInput("No space left on device")
    assert notify.told(refused) is refused
