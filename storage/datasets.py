"""Datasets: immutable, content-hashed rows of one shape, with the held-out split stored beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlmodel import select

from storage import db, files
from storage.models import Dataset, User
from templates.errors import NotFound


def get(user: User, name_or_id: str) -> Dataset:
    """A dataset of `user`, by name or id. Raises `NotFound` for anybody else's, too."""
    with db.reading() as session:
        mine = select(Dataset).where(Dataset.owner_id == user.id, Dataset.deleted_at == None)  # noqa: E711
        named = session.exec(mine.where(Dataset.name == name_or_id)).one_or_none()
        found = named or session.exec(mine.where(Dataset.id == name_or_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no dataset “{name_or_id}”.", remedy="`studio data list` shows those you have.")
    return found


def file(dataset: Dataset) -> Path:
    """The rows: Parquet with the shape's fields, `held_out` and `source_row`."""
    return files.blob_path(dataset.sha256)


def rows(dataset: Dataset, *, held_out: bool | None = None) -> list[dict[str, Any]]:
    """The rows in the order of the source file; only one side of the split if `held_out` says which."""
    table = pq.read_table(file(dataset))
    if held_out is not None:
        table = table.filter(pc.equal(table["held_out"], held_out))
    return list(table.to_pylist())
