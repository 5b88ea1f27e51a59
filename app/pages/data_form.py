"""What the Data page does: look, map, show, store."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.formats import ago, count, escaped, plural
from app.pages import data_views, layout, mapping, mapping_views, rendered
from app.pages.alerts import CLEAR, done, guarded, html_of
from app.pages.mapping import SLOTS, chosen
from app.pages.who import acting, asked
from storage.bases import base_models
from storage.data import datasets, openings, uploads
from storage.data.splits import Split
from storage.models import Upload, User
from templates import registry
from templates.errors import BadInput

FILES_NAMED = 3
N_TOLD = SLOTS + 9
"""Parts of the page that follow every choice: `_told`."""


def open_page(request: gr.Request) -> list[Any]:
    """What the page's address asks for."""
    user = acting(request)
    upload_id, data_name = asked(request, "upload"), asked(request, "data")
    bases = [row.name for row in base_models.of_user(user)]
    base = gr.update(choices=bases, value=bases[0] if bases else None)
    if upload_id:
        upload = uploads.get(user, upload_id)
        seen = datasets.preview(user, upload)
        taken = {dataset.name for dataset in datasets.of_user(user)}
        first = seen.look.files[0].name if seen.look.files else upload.filename
        name = layout.free_name(data_views.clean_name(PurePath(first).stem), taken)
        return [
            _alert(seen),
            gr.update(visible=False),
            gr.update(visible=True),
            gr.update(visible=False),
            f"upload:{upload.id}",
            data_views.title(*_called(upload, seen)),
            name,
            _held_out_file(seen),
            *mapping.afresh(seen),
            *_told(seen),
            base,
            "",
        ]
    if data_name:
        return _open_dataset(user, data_name, base)
    hidden = gr.update(visible=False)
    return [
        CLEAR,
        gr.update(visible=True),
        hidden,
        hidden,
        "",
        "",
        "",
        *[gr.skip()] * (2 + SLOTS + N_TOLD),
        base,
        listing(user),
    ]


def _open_dataset(user: User, name: str, base: Any) -> list[Any]:
    dataset = datasets.get(user, name)
    return [
        CLEAR,
        gr.update(visible=False),
        gr.update(visible=True),
        gr.update(visible=True),
        f"data:{dataset.id}",
        data_views.title(dataset.name, dataset.n_rows, f"from {dataset.source_filename}, {ago(dataset.created_at)}"),
        dataset.name,
        gr.update(visible=False),
        *mapping.fixed(dataset),
        mapping_views.first_rows(dataset.shape, datasets.rows(dataset)),
        data_views.fields(dataset),
        data_views.remarks(dataset.remarks, []),
        base,
        "",
    ]


def _called(upload: Upload, seen: datasets.Preview) -> tuple[str, int, str]:
    """What was sent: its name, its rows, and what it is."""
    files = seen.look.files
    if not files:
        return upload.filename, seen.look.n_rows, "new file"
    more = f" and {len(files) - FILES_NAMED} more" if len(files) > FILES_NAMED else ""
    return ", ".join(file.name for file in files[:FILES_NAMED]) + more, seen.look.n_rows, f"{len(files)} new files"


def _held_out_file(seen: datasets.Preview) -> Any:
    """Of several files, the one whose rows are held out; else they are drawn."""
    if not seen.look.files:
        return gr.update(visible=False, value=None)
    files = [(f"All of “{file.name}” ({plural(file.n_rows, 'row')})", file.name) for file in seen.look.files]
    named = seen.held_out_file
    return gr.update(
        visible=True,
        choices=[("Drawn from all files, one row in ten", ""), *files],
        value=named or "",
        info=f"“{named}” is called like a test set." if named else "Rows to measure with, which are not learned.",
    )


def _alert(seen: datasets.Preview) -> str:
    """What is wrong; a field for which no column was found is no error before “Use this data” is pressed."""
    open_fields = {field.field for field in seen.choice.fields if field.column is None}
    wrong = [problem for problem in seen.problems if problem.row is not None or problem.field not in open_fields]
    return html_of(BadInput(*wrong)) if wrong else CLEAR


def _told(seen: datasets.Preview) -> list[Any]:
    """What follows every choice: beside the dropdowns, then the tabs with first rows, columns and remarks."""
    return [
        *mapping.told(seen),
        mapping_views.first_rows(seen.shape, seen.rows) if seen.rows else mapping_views.no_rows(seen),
        mapping_views.columns(seen),
        data_views.remarks(seen.remarks, seen.problems),
    ]


def _afresh(seen: datasets.Preview) -> list[Any]:
    """All of the choices anew, and the first row."""
    return [_alert(seen), *mapping.afresh(seen), *_told(seen), 0]


def reshape(request: gr.Request, subject: str, shape: str) -> list[Any]:
    """Another row shape: guess its columns anew."""
    user = acting(request)
    return _afresh(datasets.preview(user, uploads.get(user, subject.partition(":")[2]), shape=shape))


def switch(request: gr.Request, subject: str, shape: str, *slots: Any) -> list[Any]:
    """From what an earlier file of the same columns had to the guess, or back."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload)
    remembered = seen.choice.remembered
    if remembered and remembered.is_the(shape, chosen(shape, slots)):
        seen = datasets.preview(user, upload, guess_anew=True)
    return _afresh(seen)


def remap(request: gr.Request, subject: str, shape: str, *slots: Any) -> list[Any]:
    """Other columns: what comes of them."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload, shape=shape, mapping=chosen(shape, slots))
    return [_alert(seen), *_told(seen), 0]


def _sample(user: User, subject: str, shape: str, slots: tuple[Any, ...]) -> rendered.Sample:
    kind, _, key = subject.partition(":")
    if kind == "data":
        return rendered.of_dataset(datasets.get(user, key))
    return rendered.of_upload(user, key, shape, chosen(shape, slots))


def show_row(
    request: gr.Request, subject: str, base: str, length: float, index: float, shape: str, *slots: Any
) -> tuple[Any, str]:
    """The row at `index` as the base model will see it."""
    if not subject:
        return gr.skip(), ""
    user = acting(request)
    sample = _sample(user, subject, shape, slots)
    return gr.skip(), rendered.row_html(
        base_models.get(user, base), sample, int(index), int(length or 0) or rendered.LENGTH
    )


def show_lengths(
    request: gr.Request, subject: str, base: str, length: float, _index: float, shape: str, *slots: Any
) -> tuple[Any, str]:
    """How long the rows are, and how many would be cut or refused."""
    if not subject:
        return gr.skip(), ""
    user = acting(request)
    sample = _sample(user, subject, shape, slots)
    return gr.skip(), data_views.lengths(base_models.get(user, base), sample, int(length or 0) or rendered.LENGTH)


def mover(way: str) -> Any:
    """The handler that leads to another row."""

    @guarded(3)
    def move(
        request: gr.Request, subject: str, base: str, length: float, index: float, shape: str, *slots: Any
    ) -> tuple[Any, int, str]:
        user = acting(request)
        row, sample = base_models.get(user, base), _sample(user, subject, shape, slots)
        cut = int(length or 0) or rendered.LENGTH
        at = rendered.moved(row, sample, int(index), way)
        return gr.skip(), at, rendered.row_html(row, sample, at, cut)

    return move


def use_data(
    request: gr.Request, subject: str, name: str, held_out_file: str, leave_out: bool, shape: str, *slots: Any
) -> tuple[str, str]:
    """Store a fresh file as a dataset; either way the next page is the training form with it."""
    user = acting(request)
    kind, _, key = subject.partition(":")
    if kind == "data":
        return CLEAR, f"train?data={quote(datasets.get(user, key).name)}"
    upload = uploads.get(user, key)
    made = datasets.add(
        user,
        upload,
        name=name,
        shape=shape,
        mapping=chosen(shape, slots),
        leave_out_refused=bool(leave_out),
        split=Split(file=held_out_file or None),
    )
    return CLEAR, f"train?data={quote(made.name)}"


def rename(request: gr.Request, subject: str, name: str) -> tuple[str, str]:
    """Give the dataset the name in the box."""
    user = acting(request)
    made = datasets.rename(user, subject.partition(":")[2], name)
    return done(f"Renamed to “{made.name}”."), f"data?data={quote(made.name)}"


def delete(request: gr.Request, subject: str) -> tuple[str, str]:
    """Delete the dataset; an empty subject means that the reader thought better of it."""
    if not subject:
        return CLEAR, ""
    datasets.delete(acting(request), subject.partition(":")[2])
    return done("Deleted."), "data"


def listing(user: User) -> str:
    """The user's datasets as a table."""
    found, opened = datasets.of_user(user), openings.counts(user.id)
    if not found:
        return layout.empty("Your datasets will be listed here. Drop a file above to make the first one.")
    rows = [
        [
            f'<a href="data?data={quote(d.name)}">{escaped(d.name)}</a>',
            escaped(registry.shape(d.shape).title),
            count(d.n_rows - d.n_held_out),
            count(d.n_held_out),
            openings.times(opened[d.id]),
            data_views.health(d),
            escaped(ago(d.created_at)),
            f'<a href="train?data={quote(d.name)}">Use ›</a>',
        ]
        for d in found
    ]
    head = [
        "Name",
        "Shape",
        "Training rows",
        "Held-out rows",
        "Opened",
        "Health",
        "Added",
        "<span class='sr'>Action</span>",
    ]
    return "<h2>Your data</h2>" + layout.table(head, rows, "Your datasets", frozenset({2, 3}))
