"""The answers that did not become rows of a dataset: kept in a file beside it, each with its reason and its row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from storage import files
from storage.models import Dataset


@dataclass(frozen=True)
class DroppedAnswer:
    """One dropped answer, and the row that it would be."""

    number: int
    """The row's number, should it be put back."""
    prompt_row: int
    """The number of the row that the prompt comes from."""
    filter: str
    """The key of the filter that dropped it, or another reason (`filtering.OUTCOMES`)."""
    reason: str
    held_out: bool
    row: Mapping[str, Any]
    """In the shape's fields."""


@dataclass(frozen=True)
class DroppedPage:
    """Some dropped answers of a dataset."""

    n_answers: int
    """All of them, or all with the wanted reason."""
    by_filter: dict[str, int]
    """All of them, the most frequent reason first."""
    answers: list[DroppedAnswer]


def write(target: IO[bytes], answers: Iterable[DroppedAnswer]) -> None:
    """Write them as JSON lines, in the order of their numbers."""
    for one in sorted(answers, key=lambda one: one.number):
        target.write(line(one).encode())


def line(one: DroppedAnswer) -> str:
    """One of them as a JSON line."""
    return json.dumps(asdict(one), ensure_ascii=False) + "\n"


def store(answers: Iterable[DroppedAnswer]) -> str | None:
    """Keep them in the file store; returns the file's sha256, None if there are none."""
    listed = list(answers)
    if not listed:
        return None
    with files.new_blob() as blob:
        write(blob, listed)  # type: ignore[arg-type]  # only `write` is used
    return blob.sha256


def lines(dataset: Dataset) -> Iterator[str]:
    """The file's lines; nothing for a dataset without dropped answers."""
    path = file(dataset)
    if path is not None:
        with path.open(encoding="utf-8") as stream:
            yield from stream


def file(dataset: Dataset) -> Path | None:
    """The file, if answers were dropped."""
    return files.blob_path(dataset.dropped_sha256) if dataset.dropped_sha256 else None


def of(dataset: Dataset) -> list[DroppedAnswer]:
    """The dataset's dropped answers, by number."""
    return [DroppedAnswer(**json.loads(text)) for text in lines(dataset)]


def page(dataset: Dataset, offset: int, most: int, *, reason: str = "") -> DroppedPage:
    """Up to `most` of them after `offset`; with `reason`, only those that this filter dropped."""
    found = of(dataset)
    counts = dict(Counter(one.filter for one in found).most_common())
    wanted = [one for one in found if reason in ("", one.filter)]
    return DroppedPage(len(wanted), counts, wanted[offset : offset + most])
