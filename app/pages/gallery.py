"""Gallery: the results of your jobs. Cards, newest first; select two to four and compare."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.formats import ago, duration
from app.markup import html
from app.pages import layout, verdicts
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded
from app.pages.who import acting, asked
from storage.bases import base_models
from storage.data import datasets, openings
from storage.gallery import artifacts
from storage.models import Artifact, User
from templates import registry
from templates.errors import NotFound
from templates.quantities import size

LEAD = "The results of your jobs. Select two to four to compare them."
ANY = "any"


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/gallery`, with `?artifact=NAME` to rename, annotate or delete one."""
    subject, following = gr.Textbox(visible=False), layout.address()
    with gr.Column(visible=False, elem_classes="manage") as manage:
        card = gr.HTML()
        with gr.Row():
            name = gr.Textbox(label="Name", max_length=64, min_width=200, elem_id="artifact-name")
            note = gr.Textbox(label="Note", max_length=2000, min_width=260, scale=2, elem_id="artifact-note")
        with gr.Row(elem_classes="ways"):
            rename_button = gr.Button("Rename", size="sm", min_width=90)
            note_button = gr.Button("Save note", size="sm", min_width=90)
            delete_button = gr.Button("Delete", size="sm", variant="stop", min_width=90)
        gr.HTML(layout.section("All results"))
    with gr.Row(visible=False, elem_classes="filters") as filters:
        base = gr.Dropdown([ANY], value=ANY, label="Base", min_width=130)
        data = gr.Dropdown([ANY], value=ANY, label="Data", min_width=130)
        method = gr.Dropdown([ANY], value=ANY, label="Method", min_width=130)
        verdict = gr.Dropdown(
            [ANY, *((word, key) for key, word in verdicts.WORDS.items())], value=ANY, label="Verdict", min_width=130
        )
    cards = gr.HTML(elem_id="cards")

    wanted = [base, data, method, verdict]
    demo.load(
        guarded(10)(open_page), None, [alert, subject, manage, card, name, note, filters, base, data, method]
    ).success(guarded(2)(show_cards), wanted, [alert, cards], show_progress="hidden")
    for choice in wanted:
        choice.input(guarded(2)(show_cards), wanted, [alert, cards], show_progress="hidden")
    rename_button.click(guarded(2)(rename), [subject, name], [alert, following]).then(
        None, following, None, js=layout.GO_JS
    ).then(None, None, None, js=FOCUS_JS)
    note_button.click(guarded(1)(annotate), [subject, note], alert)
    delete_button.click(
        guarded(2)(delete),
        subject,
        [alert, following],
        js="(s) => confirm('Delete this result? Chats that use it will stop; the data and the job stay.') ? s : ''",
    ).then(None, following, None, js=layout.GO_JS)


def open_page(request: gr.Request) -> list[Any]:
    """The filters' choices, and the one result that the page's address names."""
    user = acting(request)
    found = artifacts.of_user(user)
    of = Lineage(user)
    choices = [
        gr.update(choices=[ANY, *sorted({of.base(a) for a in found})]),
        gr.update(choices=[ANY, *sorted({of.data(a) for a in found})]),
        gr.update(choices=[ANY, *sorted({a.recipe["method"] for a in found})]),
    ]
    filters = gr.update(visible=len(found) > 1)
    wanted = asked(request, "artifact")
    if not wanted:
        return [CLEAR, "", gr.update(visible=False), "", "", "", filters, *choices]
    artifact = artifacts.get(user, wanted)
    shown = card_html(artifact, of, user.name, selectable=False)
    return [CLEAR, artifact.id, gr.update(visible=True), shown, artifact.name, artifact.note, filters, *choices]


class Lineage:
    """The base models and datasets that results came from, each looked up once."""

    def __init__(self, user: User):
        self._user = user
        self._names: dict[str, str] = {}
        self._openings = openings.counts(user.id)

    def base(self, artifact: Artifact) -> str:
        """The base model's name."""
        key = artifact.base_model_id
        if key not in self._names:
            self._names[key] = base_models.get(self._user, key).name
        return self._names[key]

    def openings(self, artifact: Artifact) -> str:
        """How often the held-out side behind its verdict has been opened; nothing where that was never counted."""
        n = self._openings.get(artifact.dataset_id)
        return f"held-out side opened {openings.times(n)}" if n else ""

    def data(self, artifact: Artifact) -> str:
        """The dataset's name."""
        key = artifact.dataset_id
        if key not in self._names:
            try:
                self._names[key] = datasets.get(self._user, key).name
            except NotFound:
                self._names[key] = "deleted data"
        return self._names[key]


def show_cards(request: gr.Request, base: str, data: str, method: str, verdict: str) -> tuple[str, str]:
    """The cards that pass the filters."""
    user = acting(request)
    found, of = artifacts.of_user(user), Lineage(user)
    if not found:
        return CLEAR, html("gallery/empty")
    chosen = [
        a
        for a in found
        if all(
            want in (ANY, None, has)
            for want, has in (
                (base, of.base(a)),
                (data, of.data(a)),
                (method, a.recipe["method"]),
                (verdict, a.verdict.get("verdict")),
            )
        )
    ]
    return CLEAR, html("gallery/cards", cards=[card_html(artifact, of, user.name) for artifact in chosen])


def card_html(artifact: Artifact, of: Lineage, owner: str, *, selectable: bool = True) -> Markup:
    """One result: verdict, lineage, size, and what can be done with it."""
    recipe = artifact.recipe
    way = recipe["method"] if recipe["quantization"] == "none" else f"{recipe['method']} on {recipe['quantization']}"
    facts = [
        registry.objective(recipe["objective"]).title,
        verdicts.forgotten_figure(artifact.verdict),
        of.openings(artifact),
        "adapter" if artifact.kind == "adapter" else "full model",
        size(artifact.size_bytes),
        f"took {duration(artifact.duration_s)}",
        ago(artifact.created_at),
        owner,
    ]
    return html(
        "gallery/card",
        artifact=artifact,
        base=of.base(artifact),
        headline=verdicts.headline(artifact.verdict),
        lineage=(of.base(artifact), way, of.data(artifact)),
        facts=[fact for fact in facts if fact],
        selectable=selectable,
    )


def rename(request: gr.Request, subject: str, name: str) -> tuple[str, str]:
    """Another name for the result."""
    renamed = artifacts.rename(acting(request), subject, name)
    return done(f"It is now called “{renamed.name}”."), f"gallery?artifact={quote(renamed.name)}"


def annotate(request: gr.Request, subject: str, note: str) -> str:
    """Keep a note with the result."""
    artifacts.annotate(acting(request), subject, note)
    return done("The note is saved.")


def delete(request: gr.Request, subject: str) -> tuple[str, str]:
    """Delete the result; an empty subject means that the reader declined."""
    if not subject:
        return CLEAR, ""
    artifacts.delete(acting(request), subject)
    return done("Deleted."), "gallery"
