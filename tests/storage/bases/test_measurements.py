"""What was measured of a base is kept as long as the base is there."""

from __future__ import annotations

from storage import db, garbage
from storage.bases import measurements
from storage.models import BaseModelRow, User


def test_it_goes_with_the_last_base_of_its_revision(studio: User) -> None:
    row = BaseModelRow(
        owner_id=studio.id, name="tiny", source="folder", origin="tiny", revision="../r1", license="", location="x",
        facts={}, size_bytes=1, created_at=0.0,
    )  # fmt: skip
    with db.writing() as session:
        session.add(row)
        key = row.id
    folder = measurements.folder("../r1")
    assert not measurements.is_known("../r1")
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("{}")
    assert measurements.is_known("../r1")
    assert folder.parent.name == "measured"
    garbage.collect(older_than_s=-1)
    assert folder.is_dir()
    with db.writing() as session:
        session.get_one(BaseModelRow, key).deleted_at = 1.0
    garbage.collect()
    assert folder.is_dir(), "it is new"
    assert folder in garbage.collect(older_than_s=-1)
    assert not folder.exists()
