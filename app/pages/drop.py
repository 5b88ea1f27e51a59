"""The drop zone: receives files, inspects them, and leads the reader to the result."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import gradio as gr
from gradio.utils import get_upload_folder

from app import received, samples, turns
from app.pages import layout
from app.pages.alerts import CLEAR, FOCUS_JS, guarded, in_turn
from app.pages.who import acting
from storage.data import datasets, uploads
from storage.models import Upload, User
from templates.errors import BadInput
from templates.samples import DEFAULT

TAKEN = "CSV, TSV, Excel, JSON, JSONL, Parquet, PDF, Word, HTML, Markdown or text; drop several to combine"


def draw(alert: gr.HTML) -> None:
    """The zone, and below it the sample datasets, one of them already chosen."""
    zone = gr.File(
        label=TAKEN,
        file_count="multiple",
        height=150,
        elem_id="drop",
    )
    following = layout.address()
    arrival = zone.upload(in_turn(2, lane=turns.FILES)(take), zone, [alert, following], show_progress_on=alert)
    arrival.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
    arrival.then(lambda: None, None, zone, show_progress="hidden")  # the next files come alone, not beside these
    choice = gr.Radio(_choices(), value=DEFAULT, label="Or try a sample dataset", elem_id="samples")
    sample = gr.Button("Try it with sample data", elem_id="sample")
    chosen = sample.click(take_sample, choice, [alert, following], show_progress_on=alert)
    chosen.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def _choices() -> list[tuple[str, str]]:
    return [(f"{known['title']} — {known['shows']}", known["name"]) for known in samples.described()]


@guarded(2)
def take(request: gr.Request, paths: list[str] | None) -> tuple[str, str]:
    """Keep the files that the browser sent; returns the address that shows them."""
    if not paths:
        return CLEAR, ""
    user = acting(request)
    sent = [received_file(user, path) for path in paths]
    try:
        return CLEAR, _kept(user, sent)
    finally:
        for path in sent:
            path.unlink(missing_ok=True)  # only the owner-checked copy in the file store stays


@guarded(2)
def take_sample(request: gr.Request, key: str) -> tuple[str, str]:
    """The same with a sample file."""
    _, upload = samples.keep(acting(request), key)
    return CLEAR, _address(upload)


def received_file(user: User, path: str) -> Path:
    """The path, if this user uploaded the file through the browser; a client can send any other path."""
    found = Path(path).resolve()
    is_here = found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    if not is_here or not received.is_of(user, found):
        raise BadInput("This is not a file that was sent here.", remedy="Drop the file again.")
    return found


def _kept(user: User, sources: list[Path]) -> str:
    with ExitStack() as stack:
        sent = [(source.name, stack.enter_context(source.open("rb"))) for source in sources]
        upload: Upload = uploads.save_all(user, sent)
    datasets.preview(user, upload)  # refuse an unreadable file here, before the reader leaves the page
    return _address(upload)


def _address(upload: Upload) -> str:
    return f"data?upload={quote(upload.id)}"
