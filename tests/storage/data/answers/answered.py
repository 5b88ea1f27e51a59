"""A dataset as a generation leaves it: some answers are rows, some were dropped."""

from __future__ import annotations

from storage.data import datasets, row_files
from storage.data.answers import dropped
from storage.data.answers.dropped import DroppedAnswer
from storage.models import Dataset, User
from templates import registry

N = 6


def add(user: User, name: str = "answers", n_dropped: int = 3) -> Dataset:
    """Answers 1 to 6 are rows, 6 held out; from 7 on they were dropped: one refuses, the others are repeated."""
    shape = registry.shape("prompt_completion")
    rows = [(n, _row(n, f"answer {n}")) for n in range(1, N + 1)]
    out = [
        DroppedAnswer(
            n, n, "refusals" if n == N + 1 else "exact_duplicates", f"Why {n}.", n % 2 == 0, _row(n, f"bad {n}")
        )
        for n in range(N + 1, N + 1 + n_dropped)
    ]
    return datasets.insert(
        user,
        source_filename="answers of m to p",
        name=name,
        shape=shape.key,
        sha256=datasets.store(shape, row_files.batches(shape, rows), [n == N for n, _ in rows]),
        mapping={},
        n_rows=N,
        n_held_out=1,
        split_seed=1,
        dropped_sha256=dropped.store(out),
        teacher={"name": "m", "license": "mit"},
    )


def _row(number: int, text: str) -> dict[str, str | None]:
    return {"prompt": f"question {number}?", "completion": text, "system": None}
