"""Data: what you have, and what a new file would teach."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.formats import ago, count, escaped
from app.pages import data_views, drop, layout, rendered
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded, html_of
from app.pages.who import acting, asked
from storage import base_models, datasets, uploads
from storage.models import User
from templates import registry
from templates.errors import BadInput

SLOTS = max(len(shape.fields) for shape in registry.shapes().values())
WAYS = {"previous": "‹ Previous", "next": "Next ›", "random": "Random", "longest": "Longest"}
LEAD = "What the model will be taught. Nothing is stored before you press “Use this data”."


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/data`, with `?upload=ID` for a fresh file and `?data=NAME` for a dataset."""
    subject, index = gr.Textbox(visible=False), gr.Number(0, visible=False)
    following = layout.address()
    with gr.Column(visible=False) as detail:
        with gr.Row(elem_classes="action-row"):
            title = gr.HTML(min_width=260, scale=3)
            use = gr.Button("Use this data ›", variant="primary", elem_id="use-data", scale=1, min_width=160)
        with gr.Row(elem_classes="two"):
            with gr.Column(min_width=300):
                name = gr.Textbox(label="Name of the dataset", max_length=64, elem_id="data-name")
                shape = gr.Dropdown(_shapes(), label="One row is", elem_id="data-shape")
                slots = [gr.Dropdown([], visible=False, elem_id=f"field-{i}") for i in range(SLOTS)]
                facts = gr.HTML()
            with gr.Column(min_width=300, elem_id="preview"):
                gr.HTML("<h2>What the model will see</h2>")
                row = gr.HTML(elem_id="rendered")
                with gr.Row(elem_classes="ways"):
                    ways = {way: gr.Button(text, size="sm", min_width=70) for way, text in WAYS.items()}
                with gr.Row():
                    base = gr.Dropdown([], label="As this base model reads it", min_width=140)
                    length = gr.Number(rendered.LENGTH, label="Cut after (tokens)", precision=0, min_width=110)
        with gr.Tabs():
            with gr.Tab("Columns"):
                columns = gr.HTML()
            with gr.Tab("Lengths"):
                lengths = gr.HTML()
            with gr.Tab("Remarks"):
                remarks = gr.HTML()
        with gr.Accordion("Rename or delete", open=False, visible=False) as manage, gr.Row():
            rename_button = gr.Button("Rename to the name above", size="sm")
            delete_button = gr.Button("Delete this dataset", variant="stop", size="sm")
    with gr.Column(elem_id="new-data") as arrival:
        drop.draw(alert)
    listing = gr.HTML(elem_id="datasets")

    mapped = [shape, *slots]
    looked_at = [subject, base, length, index, *mapped]
    shown = [alert, arrival, detail, manage, subject, title, name, *mapped, facts, columns, remarks, base, listing]
    demo_load = demo.load(guarded(len(shown))(open_page), None, shown)
    _then_render(demo_load, alert, looked_at, row, lengths)
    choices = [alert, *mapped, facts, columns, remarks, index]
    reshaped = shape.input(guarded(len(choices))(reshape), [subject, shape], choices)
    _then_render(reshaped, alert, looked_at, row, lengths)
    for slot in slots:
        mapped_anew = slot.input(guarded(3)(remap), [subject, *mapped], [alert, remarks, index], show_progress="hidden")
        _then_render(mapped_anew, alert, looked_at, row, lengths)
    for part in (base.input, length.input):
        _then_render(part(lambda: 0, None, index, queue=False), alert, looked_at, row, lengths)
    for way, button in ways.items():
        button.click(_mover(way), looked_at, [alert, index, row], show_progress="hidden")
    using = use.click(guarded(2)(use_data), [subject, name, *mapped], [alert, following])
    using.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)
    renamed = rename_button.click(guarded(2)(rename), [subject, name], [alert, following])
    deleted = delete_button.click(
        guarded(2)(delete), [subject], [alert, following], js="(s) => confirm('Delete this dataset?') ? s : ''"
    )
    for event in (renamed, deleted):
        event.then(None, following, None, js=layout.GO_JS)


def _then_render(event: Any, alert: gr.HTML, looked_at: list[Any], row: gr.HTML, lengths: gr.HTML) -> None:
    drawn = event.then(guarded(2)(show_row), looked_at, [alert, row], show_progress="hidden")
    drawn.success(guarded(2)(show_lengths), looked_at, [alert, lengths], show_progress="hidden")


def _shapes() -> list[tuple[str, str]]:
    return [(f"{shape.title} — {shape.summary}", key) for key, shape in registry.shapes().items()]


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
        data_views.facts(dataset),
        data_views.fields(dataset),
        data_views.remarks(dataset.remarks, []),
        base,
        "",
    ]


def _alert(seen: datasets.Preview) -> str:
    return html_of(BadInput(*seen.problems)) if seen.problems else CLEAR


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
        data_views.shape_reason(""),
        data_views.columns(seen.look),
        data_views.remarks(seen.remarks, seen.problems),
        0,
    ]


def remap(request: gr.Request, subject: str, shape: str, *slots: Any) -> tuple[str, str, int]:
    """Other columns: what is wrong with them, or odd."""
    user = acting(request)
    upload = uploads.get(user, subject.partition(":")[2])
    seen = datasets.preview(user, upload, shape=shape, mapping=chosen(shape, slots))
    return _alert(seen), data_views.remarks(seen.remarks, seen.problems), 0


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


def _mover(way: str) -> Any:
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


def use_data(request: gr.Request, subject: str, name: str, shape: str, *slots: Any) -> tuple[str, str]:
    """Store a fresh file as a dataset; either way the next page is the training form with it."""
    user = acting(request)
    kind, _, key = subject.partition(":")
    if kind == "data":
        return CLEAR, f"train?data={quote(datasets.get(user, key).name)}"
    upload = uploads.get(user, key)
    made = datasets.add(user, upload, name=name, shape=shape, mapping=chosen(shape, slots))
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
