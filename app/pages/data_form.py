"""What the Data page does: look, map, show, store."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.formats import ago, count, escaped, plural
from app.pages import data_views, layout, rendered
from app.pages.alerts import CLEAR, done, guarded, html_of
from app.pages.who import acting, asked
from storage import base_models, datasets, uploads
from storage.models import User
from templates import registry
from templates.errors import BadInput

SLOTS = max(len(shape.fields) for shape in registry.shapes().values())


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
        name = layout.free_name(data_views.clean_name(PurePath(upload.filename).stem), taken)
        return [
            _alert(seen),
            gr.update(visible=False),
            gr.update(visible=True),
            gr.update(visible=False),
            f"upload:{upload.id}",
            data_views.title(upload.filename, seen.look.n_rows, "new file"),
            name,
            *_mapping(seen),
            _leave_out(seen),
            data_views.shape_reason(seen.guess.shape_reason),
            data_views.columns(seen.look),
            data_views.remarks(seen.remarks, seen.problems),
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
        *[gr.skip()] * (1 + SLOTS),
        hidden,
        "",
        "",
        "",
        base,
        listing(user),
    ]


def _open_dataset(user: User, name: str, base: Any) -> list[Any]:
    dataset = datasets.get(user, name)
    fixed = [gr.update(value=dataset.shape, interactive=False)]
    fixed += [gr.update(visible=False)] * SLOTS
    return [
        CLEAR,
        gr.update(visible=False),
        gr.update(visible=True),
        gr.update(visible=True),
        f"data:{dataset.id}",
        data_views.title(dataset.name, dataset.n_rows, f"from {dataset.source_filename}, {ago(dataset.created_at)}"),
        dataset.name,
        *fixed,
        gr.update(visible=False),
        data_views.facts(dataset),
        data_views.fields(dataset),
        data_views.remarks(dataset.remarks, []),
        base,
        "",
    ]


def _alert(seen: datasets.Preview) -> str:
    return html_of(BadInput(*seen.problems)) if seen.problems else CLEAR


def _leave_out(seen: datasets.Preview) -> Any:
    """The box to tick where some rows can't be learned from and the others can; never ticked beforehand."""
    words = (
        f"Leave out {plural(seen.n_refused, 'row')} that can't be learned from, and take the other {count(seen.n_rows)}"
    )
    return gr.update(visible=seen.goes_in_without_them, value=False, label=words)


def _mapping(seen: datasets.Preview) -> list[Any]:
    """The shape, then one dropdown for each of its fields; spare dropdowns are hidden."""
    names = [column.name for column in seen.look.columns]
    updates: list[Any] = [gr.update(value=seen.shape, interactive=True)]
    declared = registry.shape(seen.shape).fields
    mapping, reasons = seen.mapping, seen.guess.reasons
    for field in declared:
        updates.append(
            gr.update(
                visible=True,
                interactive=True,
                label=field.title if field.required else f"{field.title} (optional)",
                info=reasons.get(field.name) or "No column looks like it.",
                choices=names if field.required else [("– none –", ""), *names],
                value=mapping.get(field.name, None if field.required else ""),
            )
        )
    return updates + [gr.update(visible=False, value=None)] * (SLOTS - len(declared))


def chosen(shape: str, slots: tuple[Any, ...]) -> dict[str, str]:
    """Field → column, for the fields that have one."""
    return {f.name: str(c) for f, c in zip(registry.shape(shape).fields, slots, strict=False) if c}


def reshape(request: gr.Request, subject: str, shape: str) -> list[Any]:
    """Another row shape: guess its columns anew."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload, shape=shape)
    return [
        _alert(seen),
        *_mapping(seen),
        _leave_out(seen),
        data_views.shape_reason(""),
        data_views.columns(seen.look),
        data_views.remarks(seen.remarks, seen.problems),
        0,
    ]


def remap(request: gr.Request, subject: str, shape: str, *slots: Any) -> tuple[str, Any, str, int]:
    """Other columns: what is wrong with them, or odd."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload, shape=shape, mapping=chosen(shape, slots))
    return _alert(seen), _leave_out(seen), data_views.remarks(seen.remarks, seen.problems), 0


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


def use_data(request: gr.Request, subject: str, name: str, leave_out: bool, shape: str, *slots: Any) -> tuple[str, str]:
    """Store a fresh file as a dataset; either way the next page is the training form with it."""
    user = acting(request)
    kind, _, key = subject.partition(":")
    if kind == "data":
        return CLEAR, f"train?data={quote(datasets.get(user, key).name)}"
    upload = uploads.get(user, key)
    made = datasets.add(
        user, upload, name=name, shape=shape, mapping=chosen(shape, slots), leave_out_refused=bool(leave_out)
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
    found = datasets.of_user(user)
    if not found:
        return layout.empty("Your datasets will be listed here. Drop a file above to make the first one.")
    rows = [
        [
            f'<a href="data?data={quote(d.name)}">{escaped(d.name)}</a>',
            escaped(registry.shape(d.shape).title),
            count(d.n_rows - d.n_held_out),
            count(d.n_held_out),
            data_views.health(d),
            escaped(ago(d.created_at)),
            f'<a href="train?data={quote(d.name)}">Use ›</a>',
        ]
        for d in found
    ]
    head = ["Name", "Shape", "Training rows", "Held-out rows", "Health", "Added", "<span class='sr'>Action</span>"]
    return "<h2>Your data</h2>" + layout.table(head, rows, "Your datasets", frozenset({2, 3}))
