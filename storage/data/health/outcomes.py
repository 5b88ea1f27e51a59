"""Remembers what the health report said of each dataset, for the places where a dataset is chosen.

A dataset never changes, so its outcome holds until the checks change.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from storage.models import Dataset, User
from storage.settings import settings

FOLDER = "health"
LOOKED_AT_ROWS = 5_000
"""A list of datasets checks only smaller ones itself."""


@dataclass(frozen=True)
class Outcome:
    """The report in a few words and in one sentence."""

    outcome: str
    why: str

    @property
    def misleads(self) -> bool:
        """Whether the dataset would mislead anyone who trains on it."""
        return self.outcome == "would mislead you"


def of(user: User, dataset: Dataset) -> Outcome:
    """The outcome of the dataset's report, which is made if it isn't remembered."""
    return _remembered(dataset) or _made(user, dataset)


def known(user: User, datasets: Iterable[Dataset], within_s: float) -> dict[str, Outcome]:
    """The outcomes by dataset id; makes the reports of small datasets that are missing, as far as the time allows."""
    until = time.monotonic() + within_s
    found: dict[str, Outcome] = {}
    for dataset in datasets:
        outcome = _remembered(dataset)
        if outcome is None and dataset.n_rows <= LOOKED_AT_ROWS and time.monotonic() < until:
            try:
                outcome = _made(user, dataset)
            except FileNotFoundError:
                continue  # the list stays whole; whoever opens this dataset is told that its rows are gone
        if outcome is not None:
            found[dataset.id] = outcome
    return found


def _made(user: User, dataset: Dataset) -> Outcome:
    from storage.data.health import report  # needed late: numpy is slow to import

    found = report.of_dataset(user, dataset.id)
    outcome = Outcome(found.outcome, found.why)
    place = _place(dataset)
    place.parent.mkdir(mode=0o700, exist_ok=True)
    draft = place.with_suffix(f".{time.monotonic_ns()}")
    draft.write_text(json.dumps({"checks": _checks(), **asdict(outcome)}), "utf-8")
    draft.rename(place)
    return outcome


def _remembered(dataset: Dataset) -> Outcome | None:
    try:
        kept = json.loads(_place(dataset).read_text("utf-8"))
    except FileNotFoundError:
        return None
    return Outcome(kept["outcome"], kept["why"]) if kept["checks"] == _checks() else None


def _place(dataset: Dataset) -> Path:
    return settings().root / FOLDER / f"{dataset.id}.json"


@cache
def _checks() -> str:
    """Changes with the source of the checks and of what they read."""
    here = Path(__file__).parent
    parts = sorted([*here.rglob("*.py"), *(here.parent / "rows").glob("*.py")])
    return sha256(b"\0".join(part.read_bytes() for part in parts)).hexdigest()
