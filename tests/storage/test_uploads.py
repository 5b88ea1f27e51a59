"""Uploads: capped, cleaned of folders, their owner's alone, and gone when they break off."""

from __future__ import annotations

import io

import pytest

from storage import uploads, users
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput, NotFound
from tests.conftest import forget_caches


def stored_files() -> list[str]:
    return [p.name for p in settings().files.rglob("*") if p.is_file()]


def test_saved_and_found_again(studio: User) -> None:
    upload = uploads.save(studio, "a.csv", io.BytesIO(b"x,y\n1,2\n"))
    assert upload.size_bytes == 8
    assert uploads.get(studio, upload.id).filename == "a.csv"
    assert uploads.path(upload).read_bytes() == b"x,y\n1,2\n"


def test_nobody_elses(studio: User) -> None:
    upload = uploads.save(studio, "a.csv", io.BytesIO(b"x"))
    other = users.add("bob", "long enough password")
    with pytest.raises(NotFound):
        uploads.get(other, upload.id)
    with pytest.raises(NotFound):
        uploads.get(studio, "nothing")


def test_over_the_cap_leaves_nothing(studio: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_MAX_UPLOAD_BYTES", "1000")
    forget_caches()
    with pytest.raises(uploads.TooLarge, match=r"“big.csv”.*1,000 bytes") as caught:
        uploads.save(studio, "big.csv", io.BytesIO(b"x" * 1001))
    assert caught.value.http_status == 413
    assert stored_files() == []
    uploads.save(studio, "fits.csv", io.BytesIO(b"x" * 1000))


def test_empty_leaves_nothing(studio: User) -> None:
    with pytest.raises(BadInput, match="is empty"):
        uploads.save(studio, "a.csv", io.BytesIO(b""))
    assert stored_files() == []


class _BreaksOff(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise ConnectionResetError("the browser went away")
        return super().read(10)


def test_breaking_off_leaves_nothing(studio: User) -> None:
    with pytest.raises(ConnectionResetError):
        uploads.save(studio, "a.csv", _BreaksOff(b"x" * 100))
    assert stored_files() == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("data.csv", "data.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\Kunden.csv", "Kunden.csv"),
        ("a\x00b\u202e.csv", "ab.csv"),
        ("", "upload"),
        ("..", "upload"),
        ("x/", "upload"),
        ("ü" * 400 + ".jsonl", "ü" * 114 + ".jsonl"),
    ],
)
def test_names(sent: str, kept: str) -> None:
    assert uploads.clean_name(sent) == kept
