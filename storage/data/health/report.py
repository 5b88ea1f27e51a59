"""Runs every check over a dataset and sums up the findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal

import storage.data.health.checks as _folder
from storage import db, progress
from storage.data import datasets
from storage.data.health.check import Check, Finding, Level, excerpt
from storage.data.rows import lengths
from storage.data.rows.lengths import Lengths, Reader
from storage.data.rows.rows import Row, Rows
from storage.data.rows.words import Words
from storage.models import Dataset, User
from templates import registry
from templates.discovery import specs
from templates.errors import BadInput, Problem

Outcome = Literal["ready", "ready with warnings", "would mislead you"]
_LEVELS: tuple[Level, ...] = ("misleading", "warning", "note")


@cache
def checks() -> dict[str, Check]:
    """Every check, sorted by key: a file in `checks/` registers by existing."""
    return specs(_folder.__name__, Check)


@dataclass(frozen=True)
class Found:
    """A check that found something, and how severe it is."""

    check: Check
    level: Level
    finding: Finding


@dataclass(frozen=True)
class Baseline:
    """The score without reading: that of always giving the most frequent label."""

    label: str
    share: float
    counts: tuple[tuple[str, int], ...]
    """Number of rows per label, the most frequent first."""

    @property
    def n_labels(self) -> int:
        """Number of different labels."""
        return len(self.counts)


@dataclass(frozen=True)
class Report:
    """The findings of the checks, the most severe first."""

    dataset: str
    n_rows: int
    n_held_out: int
    found: tuple[Found, ...]
    clean: tuple[str, ...]
    """Titles of the checks that found nothing."""
    baseline: Baseline | None
    """None when the answers are not labels."""
    lengths: Lengths | None
    """None without a named base model."""
    noted: tuple[str, ...] = ()
    """The remarks on the file when the dataset was made from it."""

    def at(self, level: Level) -> list[Found]:
        """The findings of one severity."""
        return [one for one in self.found if one.level == level]

    @property
    def outcome(self) -> Outcome:
        """The result in a few words."""
        if self.at("misleading"):
            return "would mislead you"
        return "ready with warnings" if self.at("warning") else "ready"

    @property
    def why(self) -> str:
        """The outcome in one sentence."""
        weighty = self.at("misleading") or self.at("warning")
        if not weighty:
            n_notes = len(self.found)
            rest = "" if not n_notes else f" beyond {'a note' if n_notes == 1 else f'{n_notes} notes'}"
            return f"Ready: {len(self.found) + len(self.clean)} checks found nothing{rest}."
        return f"{self.outcome.capitalize()}: {' '.join(one.finding.says for one in weighty)}"

    @property
    def lost(self) -> list[str]:
        """The things that a model trained on these rows could not learn; each completes “It could not learn …”."""
        levels: tuple[Level, ...] = ("misleading", "warning")
        return [one.check.unlearned for level in levels for one in self.at(level)]

    @property
    def unlearned(self) -> str | None:
        """The same in one sentence; None without serious findings."""
        return f"A model trained on it could not learn {'; nor '.join(self.lost)}." if self.lost else None


def examine(rows: Rows, name: str) -> Report:
    """Run every check over the rows of the dataset `name`."""
    able = [check for check in checks().values() if check.able(rows)]
    results = [(check, _looked_for(check, rows)) for check in able]
    found = [Found(check, check.severity.level(f.share), f) for check, f in results if f is not None]
    found.sort(key=lambda one: (_LEVELS.index(one.level), -one.finding.share))
    return Report(
        dataset=name,
        n_rows=len(rows.rows),
        n_held_out=sum(row.held_out for row in rows.rows),
        found=tuple(found),
        clean=tuple(check.title for check, finding in results if finding is None),
        baseline=_baseline(rows),
        lengths=rows.lengths,
    )


def _looked_for(check: Check, rows: Rows) -> Finding | None:
    with progress.step(f"Looking for: {check.title.lower()}"):
        return check.find(rows)


def of_dataset(
    user: User, name_or_id: str, *, base: str | None = None, against: str | None = None, words: Words | None = None
) -> Report:
    """The health report of a stored dataset; cached.

    With `base`, it includes lengths in that model's tokens; with `against`, another dataset, the overlap with
    its rows; with `words`, the rows that contain them.
    Raises `NotFound` for an unknown dataset or base model, `BadInput` for a dataset against itself.
    """
    dataset = datasets.get(user, name_or_id)
    reader = lengths.reader(user, base, dataset.instruction) if base is not None else None
    return _report(dataset.id, dataset.name, reader, evaluation_set(user, dataset, against), words)


def evaluation_set(user: User, dataset: Dataset, against: str | None) -> str | None:
    """The id of the dataset `against`. Raises `NotFound`, and `BadInput` for `dataset` itself."""
    if not against:
        return None
    named = datasets.get(user, against)
    if named.id == dataset.id:
        remedy = "Name another dataset; the report covers this one's held-out rows anyway."
        raise BadInput(Problem("is the dataset itself.", field="against", remedy=remedy))
    return named.id


@lru_cache(maxsize=16)
def _report(dataset_id: str, name: str, reader: Reader | None, against: str | None, words: Words | None) -> Report:
    with db.reading() as session:
        dataset = session.get_one(Dataset, dataset_id)
    shape, rows = registry.shape(dataset.shape), datasets.rows(dataset)
    with progress.step("Counting tokens"):
        measured = reader.measure(shape, rows) if reader else None
    noted = tuple(remark["message"] for remark in dataset.remarks)
    seen = Rows.of(shape, rows, measured, rows_of(against), words, is_sampled=bool(dataset.teacher))
    return replace(examine(seen, name), noted=noted)


def rows_of(dataset_id: str | None) -> tuple[Row, ...]:
    """All rows of an evaluation set; empty without one."""
    if dataset_id is None:
        return ()
    with db.reading() as session:
        dataset = session.get_one(Dataset, dataset_id)
    return Rows.of(registry.shape(dataset.shape), datasets.rows(dataset)).rows


def _baseline(rows: Rows) -> Baseline | None:
    if not rows.labels:
        return None
    counts = tuple((excerpt(label), n) for label, n in rows.labels.most_common())
    return Baseline(counts[0][0], counts[0][1] / sum(rows.labels.values()), counts)
