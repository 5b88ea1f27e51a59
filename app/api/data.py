"""Uploads and datasets."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from app import auth, samples
from app.api import documents
from app.api.bodies import Body
from app.api.catalogue import Acting
from storage import datasets, uploads
from templates.errors import BadInput, Problem

router = APIRouter(prefix="/api/v1", tags=["data"])
MOST_ROWS = 500

_MULTIPART = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            }
        },
    }
}


class Reading(Body):
    """How an uploaded file is to be read; what is left out is guessed."""

    upload_id: str
    shape: str | None = None
    mapping: dict[str, str] | None = None


class NewDataset(Reading):
    """A dataset to be made from an uploaded file."""

    name: str
    split_seed: int = 42
    held_out_share: float = 0.10


class NewName(Body):
    """Another name."""

    name: str


@router.post("/uploads", status_code=201, openapi_extra=_MULTIPART)
async def upload(request: Request) -> dict[str, Any]:
    """Upload one file, as the form field `file`. What no dataset is made of is removed after a day."""
    user = auth.acting(request)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise BadInput(Problem("send the file as multipart/form-data.", field="file"))
    async with request.form(max_files=1, max_fields=8) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadInput(Problem("is missing: send the file in this form field.", field="file"))
        row = await run_in_threadpool(uploads.save, user, file.filename or "", file.file)
    return documents.of(row)


@router.get("/samples")
def list_samples(_user: Acting) -> list[dict[str, Any]]:
    """The sample data that ships with the product, and what each set demonstrates."""
    return samples.described()


@router.post("/samples/{sample}", status_code=201)
def take_sample(user: Acting, sample: str) -> dict[str, Any]:
    """Take a set of sample data as if you had uploaded its file."""
    _, row = samples.keep(user, sample)
    return documents.of(row)


@router.post("/data/preview")
def preview(user: Acting, body: Reading) -> dict[str, Any]:
    """What an uploaded file would become; creates nothing."""
    return documents.of_preview(
        datasets.preview(user, uploads.get(user, body.upload_id), shape=body.shape, mapping=body.mapping)
    )


@router.post("/data", status_code=201)
def add(user: Acting, body: NewDataset) -> dict[str, Any]:
    """Make a dataset from an uploaded file."""
    made = datasets.add(
        user,
        uploads.get(user, body.upload_id),
        name=body.name,
        shape=body.shape,
        mapping=body.mapping,
        split_seed=body.split_seed,
        held_out_share=body.held_out_share,
    )
    return documents.of(made)


@router.get("/data")
def list_all(user: Acting) -> list[dict[str, Any]]:
    """Your datasets."""
    return [documents.of(row) for row in datasets.of_user(user)]


@router.get("/data/{dataset}")
def show(user: Acting, dataset: str) -> dict[str, Any]:
    """One dataset, by name or id."""
    return documents.of(datasets.get(user, dataset))


@router.get("/data/{dataset}/rows")
def rows(
    user: Acting,
    dataset: str,
    held_out: bool | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
) -> dict[str, Any]:
    """Some of a dataset's rows."""
    found = datasets.rows(datasets.get(user, dataset), held_out=held_out)
    return {"n_rows": len(found), "offset": offset, "rows": found[offset : offset + limit]}


@router.get("/data/{dataset}/health")
def health(user: Acting, dataset: str, base: str | None = None) -> dict[str, Any]:
    """What in a dataset's rows would harm a training or its score; with `base`, lengths in its tokens too."""
    from storage.health import report  # needed late: numpy is slow to import

    return documents.of_health(report.of_dataset(user, dataset, base=base))


@router.patch("/data/{dataset}")
def rename(user: Acting, dataset: str, body: NewName) -> dict[str, Any]:
    """Give a dataset another name."""
    row = datasets.get(user, dataset)
    datasets.rename(user, row.id, body.name)
    return documents.of(datasets.get(user, row.id))


@router.delete("/data/{dataset}")
def delete(user: Acting, dataset: str) -> dict[str, Any]:
    """Delete a dataset; what was trained on it stays."""
    datasets.delete(user, dataset)
    return {"deleted": dataset}
