"""The form that adds a base model from the hub, a file or a folder; and what one click in the catalogue does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.markup import html
from app.pages import drop, layout
from app.pages.alerts import CLEAR, done
from app.pages.who import acting
from storage import credentials, model_names, users
from storage.bases import base_model_checks, catalogue, hub
from storage.bases.catalogue import CatalogueEntry
from storage.data import uploads
from storage.jobs import jobs
from storage.models import Job, Upload, User, new_id
from storage.planning import additions
from templates.errors import BadInput, Problem

HUB, FILE, FOLDER = "hub", "file", "folder"
WAYS = [("From the hub, by id", HUB), ("A GGUF file or a zip", FILE), ("A folder on the server", FOLDER)]
WANTED = {
    HUB: ("Hub id", "Type one (owner/name), or choose a model from the catalogue."),
    FILE: ("File", "Choose a .gguf file, or a zip of a model’s folder."),
    FOLDER: ("Folder", "Type the path of a model’s folder or of a .gguf file."),
}
OWN_TEMPLATE = "the model’s own"
TAKEN = "A .gguf file, or a zip of a Hugging Face folder"
N_FILLED = 8
"""Outputs that a click in the catalogue fills."""


@dataclass(frozen=True)
class FromHub:
    """What is asked for a model on the hub."""

    part: gr.Column
    id: gr.Textbox
    search: gr.Button
    found: gr.HTML
    token: gr.Textbox


@dataclass(frozen=True)
class Form:
    """The form's components."""

    fold: gr.Accordion
    way: gr.Radio
    consent: gr.HTML
    hub: FromHub
    file: gr.File
    folder: gr.Textbox
    further: list[Any]
    """What is asked whatever the source is: name, chat template, licence, for whom."""
    submit: gr.Button

    @property
    def name(self) -> gr.Textbox:
        """The name that the model will have."""
        name: gr.Textbox = self.further[0]
        return name

    @property
    def shared(self) -> gr.Checkbox:
        """Whether everybody gets the model."""
        shared: gr.Checkbox = self.further[-1]
        return shared

    @property
    def filled(self) -> list[Any]:
        """What a click in the catalogue fills."""
        return [self.fold, self.way, self.name, self.hub.id, *self.sources]

    @property
    def typed(self) -> list[Any]:
        """What adding needs, in the order of `add`."""
        return [self.way, self.hub.id, self.hub.token, self.file, self.folder, *self.further]

    @property
    def sources(self) -> list[Any]:
        """What is asked for one kind of source only, in the order of `switched`."""
        return [self.consent, self.hub.part, self.file, self.folder]


def draw() -> Form:
    """The form, folded."""
    with gr.Accordion("Add another model", open=False, elem_id="add-model") as fold:
        way = gr.Radio(WAYS, value=HUB, label="Where it comes from", elem_id="add-way")
        consent = gr.HTML(elem_id="add-consent")
        hub_part = _draw_hub()
        file = gr.File(label=TAKEN, height=120, visible=False, elem_id="add-file")
        folder = gr.Textbox(
            label="Folder, or .gguf file, on the server", visible=False, max_length=1000, elem_id="add-folder"
        )
        further = _draw_further()
        submit = gr.Button("Add this model", variant="primary", elem_id="add-submit")
    return Form(fold, way, consent, hub_part, file, folder, further, submit)


def _draw_hub() -> FromHub:
    with gr.Column() as part:
        with gr.Row(elem_classes="ask"):
            hub_id = gr.Textbox(
                label="Hub id, or words to search for",
                placeholder="owner/name",
                max_length=200,
                min_width=200,
                scale=3,
                elem_id="add-hub",
            )
            search = gr.Button("Search the hub", min_width=120, scale=1, elem_id="search-hub")
        found = gr.HTML(elem_id="hub-found", js_on_load=layout.BUTTONS_JS)
        token = gr.Textbox(
            label="Access token (only for models behind a licence)",
            info="Stored encrypted, for you alone. Leave it empty to use the one that you stored before.",
            type="password",
            max_length=2000,
            elem_id="add-token",
        )
    return FromHub(part, hub_id, search, found, token)


def _draw_further() -> list[Any]:
    templates = [OWN_TEMPLATE, *base_model_checks.chat_templates()]
    with gr.Row():
        name = gr.Textbox(
            label="Name", info="Empty: made from the source.", max_length=64, min_width=160, elem_id="add-name"
        )
        template = gr.Dropdown(
            templates,
            value=OWN_TEMPLATE,
            label="Chat template",
            info="Another one is only for models without their own.",
            min_width=160,
        )
        license = gr.Textbox(label="Licence", info="If its files don’t state it.", max_length=80, min_width=160)
    shared = gr.Checkbox(label="For everybody with an account", visible=False, elem_id="add-shared")
    return [name, template, license, shared]


def allowed(request: gr.Request) -> list[Any]:
    """The sources that this person may use, and whether they may share."""
    user = acting(request)
    ways = [way for way in WAYS if way[1] != FOLDER or additions.may_read_this_machine(user)]
    return [gr.update(choices=ways), gr.update(visible=user.is_admin and users.any_accounts())]


def switched(way: str) -> list[Any]:
    """Shows what the kind of source asks for."""
    return ["", *[gr.update(visible=way == shown) for shown in (HUB, FILE, FOLDER)]]


def search_hub(request: gr.Request, words: str) -> list[Any]:
    """Models on the hub whose names contain the words."""
    if not words.strip():
        raise BadInput(Problem("is missing.", field="Hub id", remedy="Type a part of the model’s name first."))
    return [CLEAR, html("models/hub_found", found=hub.search(acting(request), words.strip()), words=words.strip())]


def add(
    request: gr.Request,
    key: str,
    way: str,
    hub_id: str,
    token: str,
    file: str | None,
    folder: str,
    name: str,
    template: str,
    license: str,
    shared: bool,
) -> list[Any]:
    """Queue the model that the form describes, and empty its token and its file."""
    user = acting(request)
    typed = _typed(way, hub_id, file, folder)
    earlier = jobs.with_key(user, key)  # a double click: the first one has taken the name
    if earlier:
        return [done(f"“{earlier.name}” is on its way."), gr.skip(), "", None]
    name = (name or "").strip() or model_names.free(user, _stem(typed))
    if way == HUB and (token or "").strip():
        credentials.keep(user.id, credentials.HUB, token)
    sent = drop.received_file(user, typed) if way == FILE else None
    source = _upload(user, sent).id if sent else _named(typed)
    job = additions.submit(
        user,
        name,
        source,
        chat_template=None if template == OWN_TEMPLATE else template,
        license=(license or "").strip() or None,
        shared=bool(shared),
        idempotency_key=key,
    )
    if sent:
        sent.unlink(missing_ok=True)  # only the owner-checked copy in the file store stays
    return [done(f"“{job.name}” is on its way."), new_id(), "", None]


def _typed(way: str, hub_id: str | None, file: str | None, folder: str | None) -> str:
    """What the form says of the source. Raises `BadInput` if it is empty."""
    given = {HUB: hub_id, FILE: file, FOLDER: folder}.get(way)
    if not given or not given.strip():
        title, remedy = WANTED.get(way, WANTED[HUB])
        raise BadInput(Problem("is missing.", field=title, remedy=remedy))
    return given.strip()


def _named(typed: str) -> str:
    """The name in the catalogue of the model with this hub id, whose facts are then known; else what was typed."""
    listed = (entry.name for entry in catalogue.entries() if entry.hub == typed and entry.package is None)
    return next(listed, typed)


def _upload(user: User, sent: Path) -> Upload:
    with sent.open("rb") as stream:
        return uploads.save(user, sent.name, stream)


def _stem(source: str) -> str:
    """A name made from the source's last part."""
    last = Path(source.rstrip("/")).name
    stem = last.removesuffix(".gguf").removesuffix(".zip")
    return "".join(c if c.isalnum() or c in "._-" else "-" for c in stem).strip("._-")[:60].lower() or "model"


def take(request: gr.Request, key: str, name: str) -> list[Any]:
    """Add an entry of the catalogue; one whose licence must be accepted fills the form instead.

    Returns what to say, a key for the next one, and what fills the form.
    """
    user, entry = acting(request), catalogue.get(name)
    if entry.must_accept:
        return [CLEAR, gr.skip(), *_asked(user, entry)]
    job = submit(user, entry, key)
    return [done(f"“{job.name}” is on its way."), new_id(), *[gr.skip()] * N_FILLED]


def submit(user: User, entry: CatalogueEntry, key: str) -> Job:
    """Queue an entry of the catalogue under its own name, or the next free one."""
    key = f"{key}-{entry.name}"
    earlier = jobs.with_key(user, key)  # a double click: the first one has taken the name
    return earlier or additions.submit(user, model_names.free(user, entry.name), entry.name, idempotency_key=key)


def _asked(user: User, entry: CatalogueEntry) -> list[Any]:
    """The form, filled with the entry, and what its licence asks for."""
    has_token = credentials.exists(user.id, credentials.HUB)
    _, *shown = switched(HUB)
    consent = html("models/consent", entry=entry, has_token=has_token, hub=hub.endpoint())
    return [gr.update(open=True), HUB, model_names.free(user, entry.name), entry.hub, consent, *shown]
