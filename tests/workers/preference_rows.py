"""Pairs of a wanted and an unwanted answer, as the store keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from storage.data import row_files
from templates import registry


def pairs(folder: Path, n_rows: int = 40) -> list[dict[str, Any]]:
    """Prompts whose friendly answer is chosen; every fifth is held out."""
    made = [
        {"prompt": [{"role": "user", "content": f"say {n}"}], "chosen": f"yes {n}", "rejected": f"no {n}"}
        for n in range(n_rows)
    ]
    shape = registry.shape("preference")
    stored = row_files.batches(shape, enumerate(made, 2))
    row_files.write(folder / "pairs", shape, stored, [n % 5 == 1 for n in range(n_rows)])
    return list(pq.read_table(folder / "pairs").to_pylist())
