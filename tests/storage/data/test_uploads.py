"""Uploads: capped, cleaned of folders, their owner's alone, and gone when they break off."""

from __future__ import annotations

import io

import pytest
from sqlmodel import select

from storage import blobs, db, garbage, users
from storage.data import datasets, uploads
from storage.models import Upload, User
from storage.settings import settings
from templates.errors import BadInput, Conflict, NotFound
from tests.conftest import forget_caches
from tests.storage.data.intake.bad_files import GOOD_CSV


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
    with pytest.raises(uploads.TooLarge, match=r"“big.csv”.*1.0 kB") as caught:
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


def test_discarded_with_its_content_unless_that_is_shared(studio: User) -> None:
    bob = users.add("bob", "long enough password")
    first, same = (uploads.save(user, "a.csv", io.BytesIO(b"x,y\n1,2\n")) for user in (studio, bob))
    uploads.discard(bob, first)
    assert uploads.get(studio, first.id) == first, "only its owner can"
    uploads.discard(studio, first)
    with pytest.raises(NotFound):
        uploads.get(studio, first.id)
    assert uploads.path(same).is_file()
    uploads.discard(bob, same)
    assert stored_files() == []
    uploads.discard(bob, same)


def test_what_a_dataset_was_made_of_stays(studio: User) -> None:
    upload = uploads.save(studio, "a.csv", io.BytesIO(GOOD_CSV.encode()))
    made = datasets.add(studio, upload, name="mail")
    uploads.discard(studio, upload)
    assert uploads.discard_unused(-1.0) == 0
    assert uploads.path(upload).is_file()
    assert not blobs.release(made.sha256)
    assert len(datasets.rows(made)) == 20


def test_unused_files_are_removed_after_a_day(studio: User) -> None:
    used, unused = (uploads.save(studio, "a.csv", io.BytesIO(c.encode())) for c in (GOOD_CSV, "a,b\n1,2\n"))
    made = datasets.add(studio, used, name="mail")
    draft = settings().files / "blobs" / ".draft-1-abc"
    draft.write_bytes(b"half a file")
    received = settings().inbox / "abc" / "a.csv"
    received.parent.mkdir(parents=True)
    received.write_bytes(b"sent, and then the browser was closed")
    garbage.collect()
    assert len(stored_files()) == 4, "today everything stays"
    assert received.is_file()
    garbage.collect(older_than_s=-1.0)
    assert sorted(stored_files()) == sorted([used.sha256, made.sha256])
    assert not received.exists()
    with pytest.raises(NotFound):
        uploads.get(studio, unused.id)


def test_a_content_that_somebody_stores_at_the_same_moment_comes_back(
    studio: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = uploads.save(studio, "a.csv", io.BytesIO(b"x,y\n1,2\n"))
    answers = iter([False, True])
    monkeypatch.setattr(blobs, "_is_referred", lambda _sha256: next(answers))
    assert not blobs.release(upload.sha256)
    assert uploads.path(upload).read_bytes() == b"x,y\n1,2\n"


def test_a_content_that_went_at_the_same_moment_is_asked_for_again(
    studio: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("storage.files.put_blob", lambda _stream: ("ab" * 32, 8))
        with pytest.raises(Conflict, match="Send the file again"):
            uploads.save(studio, "a.csv", io.BytesIO(b"x,y\n1,2\n"))
    with db.reading() as session:
        assert session.exec(select(Upload)).all() == []
