"""The drop zone: a file comes in, is looked at, and the reader is taken to what was found."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import gradio as gr
from gradio.utils import get_upload_folder

from app.pages import layout
from app.pages.alerts import CLEAR, FOCUS_JS, guarded
from app.pages.who import acting
from storage import datasets, uploads
from storage.models import Upload, User
from templates.errors import BadInput

KINDS = [".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".txt"]
DEMO = Path(__file__).parent.parent.parent / "templates" / "demo"


def draw(alert: gr.HTML) -> None:
    """The zone, and beside it the sample data where the product has some."""
    zone = gr.File(
        label="CSV, TSV, JSON, JSONL, Parquet or text",
        file_count="single",
        height=150,
        elem_id="drop",
    )
    following = layout.address()
    arrival = zone.upload(take, zone, [alert, following], show_progress="minimal")
    arrival.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
    if samples():
        sample = gr.Button("Try it with sample data", elem_id="sample")
        chosen = sample.click(take_sample, None, [alert, following])
        chosen.then(None, following, None, js=layout.GO_JS)


def samples() -> list[Path]:
    """The sample files that ship with the product."""
    return sorted(path for path in DEMO.glob("*") if path.suffix in KINDS) if DEMO.is_dir() else []


@guarded(2)
def take(request: gr.Request, path: str | None) -> tuple[str, str]:
    """Keep the file that the browser sent; the next address shows what is in it."""
    if not path:
        return CLEAR, ""
    received = _received(path)
    try:
        return CLEAR, _kept(acting(request), received)
    finally:
        received.unlink(missing_ok=True)  # only the owner-checked copy in the file store stays


@guarded(2)
def take_sample(request: gr.Request) -> tuple[str, str]:
    """The same with the first sample file."""
    return CLEAR, _kept(acting(request), samples()[0])


def _received(path: str) -> Path:
    """The path, if it is one of a file that came in through the browser: callers can name any other."""
    found = Path(path).resolve()
    if not found.is_relative_to(Path(get_upload_folder()).resolve()) or not found.is_file():
        raise BadInput("This is not a file that was sent here.", remedy="Drop the file again.")
    return found


def _kept(user: User, source: Path) -> str:
    with source.open("rb") as stream:
        upload: Upload = uploads.save(user, source.name, stream)
    datasets.preview(user, upload)  # a file that can't be read is refused here, before the reader leaves
    return f"data?upload={quote(upload.id)}"
