"""Every bad file is refused in words that name file, row and field, and leaves nothing behind."""

from __future__ import annotations

import io
import time

import pytest
from sqlmodel import select

from storage import db
from storage.data import datasets, uploads
from storage.models import Upload, User
from storage.settings import settings
from templates.errors import BadInput
from tests.storage.data.intake.bad_files import BAD_FILES, BadFile


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.id)
def test_refused_with_its_place(studio: User, bad: BadFile) -> None:
    data = io.BytesIO(bad.data())
    began = time.monotonic()
    with pytest.raises(BadInput) as caught:
        datasets.add(studio, uploads.save(studio, bad.filename, data), name="mine")
    assert time.monotonic() - began < 20
    text = str(caught.value)
    for part in (*bad.says, bad.filename):
        assert part in text
    assert "Traceback" not in text
    assert len(text) < 8_000
    assert datasets.of_user(studio) == []
    with db.reading() as session:
        left = session.exec(select(Upload)).all()
    assert [path.name for path in settings().files.rglob("*") if path.is_file()] == [upload.sha256 for upload in left]
    for upload in left:
        assert datasets.preview(studio, upload).problems, "it can be read, so another mapping may do"
