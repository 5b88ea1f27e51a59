"""Datasets and workers for tests of what comes after intake."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage import db, files
from storage.jobs import worker_rows
from storage.models import Dataset, User, Worker

StoreDataset = Callable[..., Dataset]


@pytest.fixture
def worker(studio: User) -> Worker:
    """A worker that is there."""
    return worker_rows.register(device="cpu", slots=1)


@pytest.fixture
def store_dataset(studio: User) -> StoreDataset:
    """`store_dataset(name, shape, rows, n_held_out)` stores rows of which the last ones are held out."""

    def store(
        name: str, shape: str, rows: Sequence[Mapping[str, Any]], n_held_out: int = 2, instruction: str = ""
    ) -> Dataset:
        whole = [
            {**row, "held_out": index >= len(rows) - n_held_out, "source_row": index + 2}
            for index, row in enumerate(rows)
        ]
        stream = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(whole), stream)
        stream.seek(0)
        sha256, _ = files.put_blob(stream)
        with db.writing() as session:
            dataset = Dataset(
                owner_id=studio.id,
                name=name,
                shape=shape,
                source_filename=f"{name}.csv",
                sha256=sha256,
                mapping={},
                instruction=instruction,
                n_rows=len(rows),
                n_held_out=n_held_out,
                split_seed=42,
                created_at=db.clock(session),
            )
            session.add(dataset)
        return dataset

    return store
