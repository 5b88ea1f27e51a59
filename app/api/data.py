"""Uploads and datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from app import auth, samples, turns
from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from app.api.paged import Entries, Things
from storage.data import dataset_lists, datasets, hub_datasets, row_export, uploads, versions
from storage.data.intake import bundles
from storage.data.splits import Side, Split
from templates.errors import BadInput, Problem

if TYPE_CHECKING:
    from storage.data.rows.words import Words

router = APIRouter(prefix="/api/v1", tags=["data"])
MOST_ROWS = 500

_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
_MULTIPART = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILES}}}},
    }
}


class Reading(Body):
    """How to read an uploaded file; anything omitted is guessed.

    Without shape and mapping, your choices for the last file with the same columns take precedence over
    the guess; a remark says so where they differ.
    """

    upload_id: str
    shape: str | None = None
    mapping: dict[str, str | list[str]] | None = None
    """The column for each field, or a list of columns, whose texts are joined with a blank line."""
    guess_anew: bool = False
    """Guess again, even if you made choices for an earlier file."""


class NewDataset(Reading):
    """The dataset to create from an uploaded file."""

    name: str
    split_seed: int = 42
    held_out_share: float = 0.10
    instruction: str | None = None
    """The system text for rows without their own; null uses the proposed one, which lists the labels."""
    leave_out_refused: bool = False
    """Leave out rows that a model can't learn from instead of refusing the file; a remark lists them."""
    replace_unreadable: bool = False
    """Replace broken characters with � instead of refusing the row."""
    held_out_file: str | None = None
    """The file, out of several, whose rows are held out; replaces the draw by seed and share."""


class Examination(Body):
    """What to compare a dataset's rows with."""

    base: str | None = None
    """Base model whose tokens are used to measure lengths."""
    against: str | None = None
    """The evaluation set to compare with."""
    words: list[str] | None = None
    """Words and phrases to look for."""


class Fixes(Body):
    """The findings to fix."""

    fixes: list[str]
    """The checks' keys."""
    against: str | None = None
    """The evaluation set to compare with."""
    base: str | None = None
    """Base model whose tokens are used to measure lengths."""
    words: list[str] | None = None
    """Words and phrases to look for."""
    name: str | None = None
    """The new version's name; by default the next number."""


class NewName(Body):
    """Another name."""

    name: str


@router.post("/uploads", status_code=201, openapi_extra=_MULTIPART)
async def upload(request: Request) -> dict[str, Any]:
    """Upload one file in the form field `file`, or repeat the field to read several files as one.

    Uploads that don't become a dataset are deleted after a day.
    """
    user = auth.acting(request)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadInput(Problem("send the file as multipart/form-data.", field="file"))
    async with (
        turns.UPLOADS.turn(user.id, lambda: True, turns.MANY),
        request.form(max_files=bundles.MAX_FILES, max_fields=8) as form,
    ):
        sent = [file for file in form.getlist("file") if isinstance(file, UploadFile)]
        if not sent:
            raise BadInput(Problem("is missing: send the file in this form field.", field="file"))
        named = [(file.filename or "", file.file) for file in sent]
        row = await run_in_threadpool(uploads.save_all, user, named)
    return documents.of(row)


class OnHub(Body):
    """Rows of a dataset on the hub."""

    source: str
    """Its id, `owner/name`, with or without `@revision`."""
    config: str | None = None
    """By default the only one, or `default`."""
    split: str | None = None
    """By default the only one, or `train`."""
    rows: int | None = None
    """Most rows to take; by default 10,000."""


@router.post("/uploads/hub", status_code=201, dependencies=turns.READS_A_FILE)
def upload_from_hub(user: Acting, body: OnHub) -> dict[str, Any]:
    """Take rows of a dataset on the hub as an upload; `note` says what was taken, `revision` its commit."""
    taken = hub_datasets.take(user, body.source, config=body.config, split=body.split, rows=body.rows)
    return {**documents.of(taken.upload), "revision": taken.revision, "note": taken.note}


@router.get("/samples")
def list_samples(_user: Acting) -> list[dict[str, Any]]:
    """The sample data that ships with the product, and what each set demonstrates."""
    return samples.described()


@router.post("/samples/{sample}", status_code=201)
def take_sample(user: Acting, sample: str) -> dict[str, Any]:
    """Upload a sample dataset, as if you had sent its file."""
    _, row = samples.keep(user, sample)
    return documents.of(row)


@router.post("/data/preview", dependencies=turns.READS_A_FILE)
def preview(user: Acting, body: Reading) -> dict[str, Any]:
    """Preview the dataset without creating it. `choice` says where shape and columns come from."""
    upload = uploads.get(user, body.upload_id)
    return documents.of_preview(
        datasets.preview(user, upload, shape=body.shape, mapping=body.mapping, guess_anew=body.guess_anew)
    )


@router.post("/data", status_code=201, dependencies=turns.READS_A_FILE)
def add(user: Acting, body: NewDataset) -> dict[str, Any]:
    """Create a dataset from an uploaded file."""
    made = datasets.add(
        user,
        uploads.get(user, body.upload_id),
        name=body.name,
        shape=body.shape,
        mapping=body.mapping,
        split=Split(body.split_seed, body.held_out_share, body.held_out_file),
        instruction=body.instruction,
        leave_out_refused=body.leave_out_refused,
        replace_unreadable=body.replace_unreadable,
        guess_anew=body.guess_anew,
    )
    return documents.of_dataset(made)


@router.get("/data", response_model=Entries)
def list_all(user: Acting, paging: Things, name: Annotated[str, Query(max_length=200)] = "") -> JSONResponse:
    """Your datasets, newest first, 100 at a time; with `name`, those whose names contain it.

    `after` is the id of the last dataset that you have; the header `Link` leads to the next page.
    """
    page = dataset_lists.page(user, paging.place, name=name)
    return paging.answer(page, documents.of_datasets(page.rows))


@router.get("/data/{dataset}")
def show(user: Acting, dataset: str) -> dict[str, Any]:
    """One dataset, by name or id."""
    return documents.of_dataset(datasets.get(user, dataset))


@router.get("/data/{dataset}/rows", dependencies=turns.READS_ROWS)
def rows(
    user: Acting,
    dataset: str,
    side: Side | None = None,
    held_out: Annotated[bool | None, Query(deprecated=True)] = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> dict[str, Any]:
    """Some of a dataset's rows: all of them, or one side's.

    The training side includes the selection rows, which a job draws from it when it makes a choice.
    `held_out` is the older name for this parameter.
    """
    if side is None and held_out is not None:
        side = "held_out" if held_out else "training"
    n_rows, found = datasets.page(datasets.get(user, dataset), side, offset, limit)
    return {"n_rows": n_rows, "offset": offset, "rows": found}


@router.get("/data/{dataset}/health", dependencies=turns.READS_ROWS)
def health(
    user: Acting,
    dataset: str,
    base: str | None = None,
    against: str | None = None,
    words: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:
    """Report problems in a dataset's rows that would harm training or its score.

    `base` adds lengths in that model's tokens, `against` adds the overlap with another dataset, and each
    `words` adds the rows that contain it.
    """
    from storage.data.health import report  # needed late: numpy is slow to import

    return documents.of_health(report.of_dataset(user, dataset, base=base, against=against, words=_listed(words)))


@router.post("/data/{dataset}/health", dependencies=turns.READS_ROWS)
def health_of_many_words(user: Acting, dataset: str, body: Examination) -> dict[str, Any]:
    """The same report, for word lists too long for a URL."""
    return health(user, dataset, body.base, body.against, body.words)


def _listed(words: list[str] | None) -> Words | None:
    from storage.data.rows.words import of_list  # needed late: numpy is slow to import

    return of_list(words) if words is not None else None


@router.post("/data/{dataset}/fixes", status_code=201, dependencies=turns.READS_ROWS)
def fix(user: Acting, dataset: str, body: Fixes) -> dict[str, Any]:
    """Fix findings of the health report in a new version; this one doesn't change."""
    from storage.data.health import fixing  # needed late: numpy is slow to import

    words = _listed(body.words)
    made = fixing.fix(user, dataset, body.fixes, base=body.base, against=body.against, words=words, name=body.name)
    return documents.of_dataset(made)


@router.get("/data/{dataset}/versions")
def list_versions(user: Acting, dataset: str) -> dict[str, Any]:
    """The versions before this one, oldest first and itself last, and those made from it."""
    return {
        "lineage": documents.of_datasets(versions.lineage(user, dataset)),
        "made_of_it": documents.of_datasets(versions.children(user, dataset)),
    }


@router.get("/data/{dataset}/difference", dependencies=turns.READS_ROWS)
def difference(
    user: Acting, dataset: str, older: str, limit: Annotated[int, Query(ge=0, le=MOST_ROWS)] = 50
) -> dict[str, Any]:
    """Compare with the version `older`: how many rows differ, and the first of each kind."""
    return documents.of_difference(versions.difference(user, older, dataset), limit)


@router.get("/data/{dataset}/export")
def export(user: Acting, dataset: str, form: Annotated[str, Query(alias="format")] = "jsonl") -> StreamingResponse:
    """All rows as a file: `jsonl`, `csv` or `parquet`."""
    row = datasets.get(user, dataset)
    kind = row_export.kind(form)
    name = quote(f"{row.name}.{kind}")
    disposition = f"attachment; filename*=UTF-8''{name}"
    return StreamingResponse(
        row_export.chunks(row, kind), media_type=row_export.MEDIA[kind], headers={"Content-Disposition": disposition}
    )


@router.patch("/data/{dataset}")
def rename(user: Acting, dataset: str, body: NewName) -> dict[str, Any]:
    """Rename a dataset."""
    row = datasets.get(user, dataset)
    datasets.rename(user, row.id, body.name)
    return documents.of_dataset(datasets.get(user, row.id))


@router.delete("/data/{dataset}")
def delete(user: Acting, dataset: str) -> dict[str, Any]:
    """Delete a dataset; models trained on it stay."""
    datasets.delete(user, dataset)
    return {"deleted": dataset}
