"""The selection side: training rows that a job sets aside to make a choice on, such as when to stop.

It is computed from the stored rows and the split's seed and never stored, so the same dataset always gives
the same rows. It never includes held-out rows: they are kept for the verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.data import row_files, splits
from templates.spec import RowShape


@dataclass(frozen=True)
class Divided:
    """The two parts of the training side, each in the order of the source file."""

    training: list[dict[str, Any]]
    """The rows left to learn from."""
    selection: list[dict[str, Any]]
    """Empty if there is only one training row."""


def divided(path: Path, shape: RowShape, seed: int | None) -> Divided:
    """Divide the training side of a dataset's file. `seed` is that of its held-out rows; None if none were drawn."""
    import pyarrow.parquet as pq  # needed late: the web process starts faster and smaller without it

    table = pq.read_table(path)
    training = table.filter(pc.invert(table["held_out"]))
    seed = splits.DRAWN.seed if seed is None else seed
    selected = pa.array(_drawn(training, shape, seed, grouped=path.stat().st_size <= splits.GROUPED_BYTES))
    return Divided(
        training=row_files.plain(training.filter(pc.invert(selected))),
        selection=row_files.plain(training.filter(selected)),
    )


def _drawn(training: pa.Table, shape: RowShape, seed: int, *, grouped: bool) -> splits.Sides:
    from storage.data.rows.rows import Rows  # needed late: the web process starts faster and smaller without it

    wanted = splits.n_selected(len(training))
    if not wanted:
        return np.zeros(len(training), np.bool_)
    prints = np.concatenate([row_files.fingerprints(batch) for batch in training.to_batches()])
    label = row_files.label_field(shape)
    return splits.draw_rows(
        splits.contents(prints, seed),
        wanted,
        labels=training[label].to_pylist() if label else None,
        alike=Rows.of(shape, row_files.plain(training)).near_prompts if grouped else (),
    )
