"""Versions of a dataset: their origins and differences.

A version is its own dataset; its parent stays unchanged. Rows keep their numbers from the source file, so
versions of one file can be compared side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import select

from storage import db
from storage.data import dataset_names, datasets, row_files
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput, Problem

_NUMBERED = re.compile(r"(.*)-v(\d+)")
_LONGEST_NAME = 64


@dataclass(frozen=True)
class Changed:
    """A row before and after a change, each in the shape's fields."""

    row: int
    """The row's number in the source file."""
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """The changes between an older and a newer version; rows in the order of the source file."""

    dropped: list[dict[str, Any]]
    """Rows only in the older version, with `source_row` and `held_out`."""
    added: list[dict[str, Any]]
    """Rows only in the newer version."""
    changed: list[Changed]
    moved: list[int]
    """Numbers of rows that changed sides of the split."""
    n_same: int


def derive(
    user: User,
    parent: Dataset,
    rows: Sequence[Mapping[str, Any]],
    fixes: Sequence[Mapping[str, Any]],
    *,
    name: str | None = None,
    dropped_sha256: str | None = "",
) -> Dataset:
    """Store `rows` (with `held_out` and `source_row`) as the next version of `parent`.

    `dropped_sha256` is the file of its dropped answers, by default the parent's. Raises `BadInput` for an unusable
    name, `Conflict` for a taken one.
    """
    shape = registry.shape(parent.shape)
    name = dataset_names.usable(user, name) if name else _next_name(user, parent.name)
    fields = [field.name for field in shape.fields]
    numbered = ((row["source_row"], {field: row.get(field) for field in fields}) for row in rows)
    held_out = [bool(row["held_out"]) for row in rows]
    label = row_files.label_field(shape)
    documents = row_files.documents(datasets.file(parent))
    return datasets.insert(
        user,
        upload_id=parent.upload_id,
        source_filename=parent.source_filename,
        name=name,
        shape=parent.shape,
        sha256=datasets.store(shape, row_files.batches(shape, numbered), held_out, documents),
        mapping=parent.mapping,
        header=parent.header,
        n_rows=len(rows),
        n_held_out=sum(held_out),
        split_seed=parent.split_seed,
        held_out_file=parent.held_out_file,
        labels=sorted({row[label] for row in rows}) if label else [],
        instruction=parent.instruction,
        remarks=[],
        parent_id=parent.id,
        fixes=[dict(fix) for fix in fixes],
        dropped_sha256=parent.dropped_sha256 if dropped_sha256 == "" else dropped_sha256,
        teacher=parent.teacher,
    )


def _next_name(user: User, name: str) -> str:
    """`tickets` → `tickets-v2`, `tickets-v2` → `tickets-v3`: the first that is free."""
    numbered = _NUMBERED.fullmatch(name)
    stem, number = (numbered[1], int(numbered[2])) if numbered else (name, 1)
    with db.reading() as session:
        while True:
            number += 1
            ending = f"-v{number}"
            made = stem[: _LONGEST_NAME - len(ending)] + ending
            if not dataset_names.is_taken(session, user.id, made):
                return made


def lineage(user: User, name_or_id: str) -> list[Dataset]:
    """The dataset and its ancestors, the oldest first; including deleted ones."""
    found = [datasets.get(user, name_or_id)]
    with db.reading() as session:
        while found[-1].parent_id:
            found.append(session.get_one(Dataset, found[-1].parent_id))
    return found[::-1]


def children(user: User, name_or_id: str) -> list[Dataset]:
    """The versions made from this one, the oldest first."""
    parent = datasets.get(user, name_or_id)
    with db.reading() as session:
        made = select(Dataset).where(Dataset.parent_id == parent.id, Dataset.deleted_at == None)  # noqa: E711
        return list(session.exec(made.order_by(Dataset.created_at, Dataset.id)))  # type: ignore[arg-type]


def difference(user: User, older: str, newer: str) -> Difference:
    """The differences between two versions of one file.

    Raises `NotFound`, and `BadInput` for datasets of different files or shapes.
    """
    one, other = datasets.get(user, older), datasets.get(user, newer)
    if one.shape != other.shape or _origin(user, one) != _origin(user, other):
        raise BadInput(
            Problem(
                f"“{one.name}” and “{other.name}” are not versions of the same rows.", remedy="Compare two versions."
            )
        )
    return _between(one, other)


def _origin(user: User, dataset: Dataset) -> str:
    """What all versions of one file or of one job's rows share."""
    return dataset.upload_id or lineage(user, dataset.id)[0].id


def since_parent(dataset: Dataset) -> Difference | None:
    """The differences from its parent version, deleted or not; None for a dataset made from a file."""
    if dataset.parent_id is None:
        return None
    with db.reading() as session:
        parent = session.get_one(Dataset, dataset.parent_id)
    return _between(parent, dataset)


def _between(one: Dataset, other: Dataset) -> Difference:
    fields = [field.name for field in registry.shape(one.shape).fields]
    before = {row["source_row"]: row for row in datasets.rows(one)}
    after = {row["source_row"]: row for row in datasets.rows(other)}
    changed, moved, n_same = [], [], 0
    for number in before.keys() & after.keys():
        old, new = ({name: row.get(name) for name in fields} for row in (before[number], after[number]))
        if before[number]["held_out"] != after[number]["held_out"]:
            moved.append(number)
        if old != new:
            changed.append(Changed(number, old, new))
        else:
            n_same += 1
    return Difference(
        dropped=[row for number, row in before.items() if number not in after],
        added=[row for number, row in after.items() if number not in before],
        changed=sorted(changed, key=lambda one: one.row),
        moved=sorted(moved),
        n_same=n_same,
    )
