"""Contents come into the file store whole, under their hash, or not at all."""

from __future__ import annotations

import hashlib
import io

import pytest

from storage import files
from storage.models import User
from storage.settings import settings


def stored() -> list[str]:
    return sorted(path.name for path in (settings().files / "blobs").rglob("*") if path.is_file())


@pytest.mark.parametrize("n_bytes", [0, 1, files.SENT_BYTES - 1, 2 * files.SENT_BYTES + 7])
def test_a_content_is_found_under_its_hash(n_bytes: int, studio: User) -> None:
    content = bytes(range(251)) * (n_bytes // 251 + 1)
    content = content[:n_bytes]
    sha256, size_bytes = files.put_blob(io.BytesIO(content))
    assert (sha256, size_bytes) == (hashlib.sha256(content).hexdigest(), n_bytes)
    assert files.blob_path(sha256).read_bytes() == content
    assert files.put_blob(io.BytesIO(content)) == (sha256, n_bytes)
    assert stored() == [sha256]


def test_what_is_written_in_pieces_is_the_same_content(studio: User) -> None:
    with files.new_blob() as blob:
        for piece in (b"a", b"", b"bc" * files.SENT_BYTES, memoryview(b"d")):
            assert blob.write(piece) == len(piece)
        assert stored() != [blob.sha256]
    assert blob.sha256 == hashlib.sha256(b"a" + b"bc" * files.SENT_BYTES + b"d").hexdigest()
    assert stored() == [blob.sha256]


class BreaksOff(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            raise OSError("gone")
        return super().read(4)


def test_nothing_is_left_of_a_content_that_breaks_off(studio: User) -> None:
    with pytest.raises(OSError, match="gone"):
        files.put_blob(BreaksOff(b"half of it"))
    assert stored() == []
