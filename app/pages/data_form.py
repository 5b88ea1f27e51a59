"""Fills the Data page for a file or dataset, and updates it with the mapping."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import gradio as gr

from app.formats import ago
from app.pages import data_views, instruction, mapping, mapping_views, stored_data
from app.pages.alerts import CLEAR, html_of
from app.pages.mapping import SLOTS, chosen
from app.pages.who import acting, asked
from storage.bases import base_models, proposed
from storage.data import dataset_names, datasets, intake, uploads
from storage.models import Upload, User
from templates.errors import BadInput, NotFound
from templates.quantities import plural

FILES_NAMED = 3
NOT_STORED = "nothing is stored until you press “Use this data”"
N_TOLD = SLOTS + 10
"""Parts of the page that every choice updates: `_told`."""


def open_page(request: gr.Request) -> list[Any]:
    """The file or dataset that the page's address names; all datasets if it names none, or one that is gone."""
    user = acting(request)
    upload_id, data_name = asked(request, "upload"), asked(request, "data")
    bases = [row.name for row in base_models.of_user(user)]
    base = gr.update(choices=bases, value=proposed.base(user).name)
    try:
        if upload_id:
            return _open_upload(user, upload_id, base)
        if data_name:
            return _open_dataset(user, data_name, base)
    except NotFound:
        return _open_list(user, base, html_of(_gone(upload_id, data_name)))
    return _open_list(user, base, CLEAR)


def _gone(upload_id: str, data_name: str) -> NotFound:
    if upload_id:
        return NotFound(
            "The file of this link is not here: files that are not used are deleted after a day.",
            remedy="Drop it again; datasets that you made are listed below.",
        )
    return NotFound(
        f"There is no dataset “{data_name}”.", remedy="It may be renamed or deleted; your data is listed below."
    )


def _open_upload(user: User, upload_id: str, base: Any) -> list[Any]:
    upload = uploads.get(user, upload_id)
    seen = datasets.preview(user, upload)
    first = seen.look.files[0].name if seen.look.files else upload.filename
    name = dataset_names.free(user, data_views.clean_name(PurePath(first).stem))
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
        *instruction.of_file(seen),
        base,
        "",
    ]


def _open_list(user: User, base: Any, alert: str) -> list[Any]:
    hidden = gr.update(visible=False)
    return [
        alert,
        gr.update(visible=True),
        hidden,
        hidden,
        "",
        "",
        "",
        *[gr.skip()] * (2 + 2 * SLOTS + N_TOLD + instruction.N_SHOWN),
        base,
        stored_data.listing(user),
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
        mapping_views.first_rows(dataset.shape, datasets.rows(dataset, most=mapping_views.ROWS_SHOWN)),
        data_views.fields(dataset),
        data_views.remarks(dataset.remarks, []),
        *instruction.of_dataset(dataset),
        base,
        "",
    ]


def _called(upload: Upload, seen: datasets.Preview) -> tuple[str, int, str]:
    """The upload's heading: name, rows and type."""
    files = seen.look.files
    n_rows = max(seen.look.n_rows, seen.n_rows + seen.n_refused)  # a title above the names counts as a refused row
    if not files:
        return upload.filename, n_rows, f"new file · {NOT_STORED}"
    more = f" and {len(files) - FILES_NAMED} more" if len(files) > FILES_NAMED else ""
    return (
        ", ".join(file.name for file in files[:FILES_NAMED]) + more,
        n_rows,
        f"{len(files)} new files · {NOT_STORED}",
    )


def _held_out_file(seen: datasets.Preview) -> Any:
    """The choice of the file, out of several, whose rows are held out; else they are drawn."""
    if not seen.look.files:
        return gr.update(visible=False, value=None)
    files = [(f"All of “{file.name}” ({plural(file.n_rows, 'row')})", file.name) for file in seen.look.files]
    named = seen.held_out_file
    return gr.update(
        visible=True,
        choices=[("Drawn from all files, one row in ten", ""), *files],
        value=named or "",
        info=f"“{named}” looks like a test set."
        if named
        else "These rows measure the result; the model never learns them.",
    )


def _alert(seen: datasets.Preview) -> str:
    """The problems; a field without a column is no error until “Use this data” is pressed."""
    open_fields = {field.field for field in seen.choice.fields if field.column is None}
    wrong = [problem for problem in seen.problems if problem.row is not None or problem.field not in open_fields]
    return html_of(BadInput(*wrong)) if wrong else CLEAR


def _told(seen: datasets.Preview) -> list[Any]:
    """The parts updated after every choice: beside the dropdowns, then the tabs for rows, columns and remarks."""
    return [
        *mapping.told(seen),
        mapping_views.first_rows(seen.shape, seen.rows) if seen.rows else mapping_views.no_rows(seen),
        mapping_views.columns(seen),
        data_views.remarks(seen.remarks, seen.problems),
    ]


def _afresh(seen: datasets.Preview, typed: str, proposed: str) -> list[Any]:
    """All choices again, and the first row."""
    return [_alert(seen), *mapping.afresh(seen), *_told(seen), *instruction.of_file(seen, typed, proposed), 0]


def reshape(request: gr.Request, subject: str, typed: str, proposed: str, shape: str) -> list[Any]:
    """Guess the columns again for another row shape."""
    user = acting(request)
    seen = datasets.preview(user, uploads.get(user, subject.partition(":")[2]), shape=shape)
    return _afresh(seen, typed, proposed)


def switch(request: gr.Request, subject: str, typed: str, proposed: str, shape: str, *slots: Any) -> list[Any]:
    """Switch between the choices for an earlier file with the same columns and the guess."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload)
    remembered = seen.choice.remembered
    names = [column.name for column in seen.look.columns]
    taken = {field: intake.normal(choice, names) for field, choice in chosen(shape, slots).items()}
    if remembered and remembered.is_the(shape, taken):
        seen = datasets.preview(user, upload, guess_anew=True)
    return _afresh(seen, typed, proposed)


def remap(request: gr.Request, subject: str, typed: str, proposed: str, shape: str, *slots: Any) -> list[Any]:
    """Update the preview for other columns."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload, shape=shape, mapping=chosen(shape, slots))
    return [_alert(seen), *_told(seen), *instruction.of_file(seen, typed, proposed), 0]
