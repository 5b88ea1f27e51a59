"""Datasets: immutable, content-hashed rows of one shape, with the held-out split stored beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from storage import db, deleted_names, files, job_inputs, progress
from storage.data import dataset_names, drafts, mappings, parts, row_files, selection, uploads
from storage.data.drafts import Draft
from storage.data.intake import Guess, Look, Remark
from storage.data.mappings import Choice, Chosen
from storage.data.selection import Divided
from storage.data.splits import DRAWN, Side, Sides, Split
from storage.models import Dataset, Upload, User
from templates import instructions, registry
from templates.errors import BadInput, NotFound, Problem, refuse
from templates.spec import RowShape

PREVIEW_ROWS = 20


@dataclass(frozen=True)
class Preview:
    """The dataset that a file would become; creates nothing. A file with `problems` would be refused."""

    look: Look
    guess: Guess
    """The guess, before the caller's own choices."""
    shape: str
    mapping: dict[str, str]
    choice: Choice
    """The reasons for this shape and these columns."""
    rows: list[dict[str, Any]]
    """The first rows in the shape's fields, with `source_row`."""
    n_rows: int
    """Rows that fit."""
    n_refused: int
    """Rows that a model can't learn from."""
    n_unreadable: int
    """Those of them with broken characters, which can be kept (`replace_unreadable`)."""
    goes_in_without_them: bool
    """Whether the file would make a dataset without them (`leave_out_refused`)."""
    labels: list[str]
    instruction: str
    """The proposed one; "" for none."""
    held_out_file: str | None
    """If there are several files, the one whose name looks like a test set."""
    problems: list[Problem]
    remarks: list[Remark]


def preview(
    user: User,
    upload: Upload,
    *,
    shape: str | None = None,
    mapping: Mapping[str, Chosen] | None = None,
    limit: int = PREVIEW_ROWS,
    guess_anew: bool = False,
) -> Preview:
    """The dataset that the file would become under these choices; the rest is guessed.

    A field takes one column or several. Without any choices, those made for the last file with the same columns
    override the guess, and a remark says so where they differ; `guess_anew` prefers the guess. Raises `BadInput`
    for a file that can't be read, and discards it; problems with the mapping or the rows are in `problems`.
    """
    draft = _draft(user, upload, shape, mapping, limit, guess_anew)
    return Preview(
        look=draft.look,
        guess=draft.guess,
        shape=draft.shape.key,
        mapping=draft.mapping,
        choice=draft.choice,
        rows=draft.rows,
        n_rows=len(draft.fingerprints),
        n_refused=draft.n_refused,
        n_unreadable=draft.n_unreadable,
        goes_in_without_them=draft.goes_in_without_them,
        labels=sorted(draft.labels),
        instruction=draft.instruction,
        held_out_file=parts.named_for_tests(draft.look),
        problems=draft.findings.listed(),
        remarks=draft.remarks,
    )


def add(
    user: User,
    upload: Upload,
    *,
    name: str,
    shape: str | None = None,
    mapping: Mapping[str, Chosen] | None = None,
    split: Split = DRAWN,
    instruction: str | None = None,
    leave_out_refused: bool = False,
    replace_unreadable: bool = False,
    guess_anew: bool = False,
) -> Dataset:
    """Make a dataset from an upload. Raises `BadInput` with every problem, `Conflict` for a taken name.

    Missing choices are filled in as in a `preview`; without an `instruction`, the proposed one is taken, and ""
    means none. With `leave_out_refused`, rows that a model can't learn from are left out, and a remark lists
    them; with `replace_unreadable`, broken characters are replaced by �. An upload that can't
    be read is discarded; with any other problem it stays, for another try.
    """
    name = name.strip()
    asked = [*dataset_names.problems(name), *split.problems(), *instructions.problems(instruction or "")]
    try:
        draft = _draft(user, upload, shape, mapping, 0, guess_anew, replace_unreadable)
    except BadInput as error:
        raise BadInput(*asked, *error.problems) from error
    flaws = drafts.leave_out(draft) if leave_out_refused else draft.findings.listed()
    asked += instructions.misplaced(draft.shape, instruction or "")
    refuse([*asked, *parts.problems(draft.look, split.file), *flaws])
    dataset_names.refuse_taken(user, name)
    parts.remark(draft, split.file)
    sides = drafts.split(draft, split, parts.rows_of(draft, split.file) if split.file else split.sides)
    return insert(
        user,
        upload_id=upload.id,
        source_filename=upload.filename,
        name=name,
        shape=draft.shape.key,
        sha256=store(draft.shape, draft.batches(), sides, parts.documents(draft.look)),
        mapping=draft.mapping,
        header=mappings.header(draft.look),
        n_rows=len(sides),
        n_held_out=int(sides.sum()),
        split_seed=split.seed,
        held_out_file=split.file,
        labels=sorted(draft.labels),
        instruction=draft.instruction if instruction is None else instruction.strip(),
        remarks=[asdict(remark) for remark in draft.remarks],
    )


def get(user: User, name_or_id: str) -> Dataset:
    """A dataset of `user`, by name or id. Raises `NotFound` for other users' datasets too."""
    with db.reading() as session:
        mine = select(Dataset).where(Dataset.owner_id == user.id, Dataset.deleted_at == None)  # noqa: E711
        named = session.exec(mine.where(Dataset.name == name_or_id)).one_or_none()
        found = named or session.exec(mine.where(Dataset.id == name_or_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no dataset “{name_or_id}”.", remedy="`studio data list` shows your datasets.")
    return found


def made_by(user: User, job_id: str) -> Dataset | None:
    """The dataset that this job made, unless it was deleted."""
    with db.reading() as session:
        mine = select(Dataset).where(Dataset.owner_id == user.id, Dataset.deleted_at == None)  # noqa: E711
        return session.exec(mine.where(Dataset.made_by_job_id == job_id)).one_or_none()


def of_user(user: User) -> list[Dataset]:
    """The user's datasets, newest first."""
    with db.reading() as session:
        mine = select(Dataset).where(Dataset.owner_id == user.id, Dataset.deleted_at == None)  # noqa: E711
        return list(session.exec(mine.order_by(Dataset.created_at.desc(), Dataset.id)))  # type: ignore[attr-defined]


def rename(user: User, name_or_id: str, name: str) -> Dataset:
    """Give a dataset another name. Raises `BadInput` for an unusable name, `Conflict` for a taken one."""
    found = get(user, name_or_id)
    if name.strip() == found.name:
        return found
    name = dataset_names.usable(user, name)
    try:
        with db.writing() as session:
            kept = session.get_one(Dataset, found.id)
            kept.name = name
    except IntegrityError as error:
        raise dataset_names.taken(name) from error
    return kept


def delete(user: User, name_or_id: str) -> None:
    """Take a dataset out of the list and free its name; models trained on it stay.

    Raises `Conflict` while a job that uses it has not ended.
    """
    found = get(user, name_or_id)
    with db.writing() as session:
        job_inputs.refuse_used(session, found)
        kept = session.get_one(Dataset, found.id)
        kept.deleted_at = db.clock(session)
        kept.name = deleted_names.deleted(found.name, found.id)


def file(dataset: Dataset) -> Path:
    """The rows: Parquet with the shape's fields, `held_out` and `source_row`."""
    return files.blob_path(dataset.sha256)


def rows(dataset: Dataset, *, side: Side | None = None, most: int | None = None) -> list[dict[str, Any]]:
    """The rows in the order of the source file; with `side`, only the rows of that side; with `most`, the first ones.

    The training side includes the selection rows; only a job that makes a choice sets them aside (`divided`).
    """
    if side == "selection":
        return divided(dataset).selection[:most]
    return row_files.read(file(dataset), None if side is None else side == "held_out", most)


def page(dataset: Dataset, side: Side | None, offset: int, most: int) -> tuple[int, list[dict[str, Any]]]:
    """The number of rows of this side, or of all, and up to `most` of them after `offset`."""
    if side == "selection":
        chosen = divided(dataset).selection
        return len(chosen), chosen[offset : offset + most]
    return row_files.page(file(dataset), None if side is None else side == "held_out", offset, most)


def divided(dataset: Dataset) -> Divided:
    """For a job that makes a choice: the rows to learn from, and the rows to choose on."""
    return selection.divided(file(dataset), registry.shape(dataset.shape), dataset.split_seed)


def _draft(
    user: User,
    upload: Upload,
    shape: str | None,
    mapping: Mapping[str, Chosen] | None,
    n_kept: int,
    guess_anew: bool,
    replaces: bool = False,
) -> Draft:
    """The upload under these choices. One that can't be read is useless and is discarded."""
    mine = uploads.get(user, upload.id)
    try:
        look = drafts.look(uploads.path(mine), mine.filename, replaces)
    except BadInput:
        uploads.discard(user, mine)
        raise
    remembered = mappings.recall(user, look)
    return drafts.check(look, shape=shape, mapping=mapping, n_kept=n_kept, remembered=remembered, guess_anew=guess_anew)


def store(
    shape: RowShape,
    batches: Iterable[pa.RecordBatch],
    held_out: Sequence[bool] | Sides,
    documents: row_files.Documents = (),
) -> str:
    """Write rows into the file store; returns the file's sha256."""
    with progress.step(f"Storing {len(held_out):,} rows"), files.new_blob() as blob:
        row_files.write(blob, shape, batches, held_out, documents)
    return blob.sha256


def insert(user: User, **values: Any) -> Dataset:
    """A new database row for stored rows. Raises `Conflict` for a taken name."""
    try:
        with db.writing() as session:
            made = Dataset(owner_id=user.id, created_at=db.clock(session), **values)
            session.add(made)
    except IntegrityError as error:
        raise dataset_names.taken(str(values["name"])) from error
    return made
