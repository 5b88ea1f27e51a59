"""Gallery: the results of your jobs. Cards, newest first; select two to four and compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.formats import ago, duration
from app.markup import html
from app.pages import layout, lineage, verdicts
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded
from app.pages.who import acting, asked
from storage import job_inputs
from storage.data import openings
from storage.gallery import artifact_lists, artifacts
from storage.gallery.artifacts import is_model
from storage.job_inputs import Inputs
from storage.models import Artifact, User
from templates import registry
from templates.artifact_kind import ModelFacts
from templates.quantities import size
from templates.roles import Role

LEAD = "The results of your jobs. Select two to four to compare them."
ANY = "any"
N_SHOWN = 24


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
    more, limit = gr.Button("Show more", size="sm", visible=False, elem_id="more-cards"), gr.Number(visible=False)

    wanted = [base, data, method, verdict]
    demo.load(
        guarded(10)(open_page), None, [alert, subject, manage, card, name, note, filters, base, data, method]
    ).success(guarded(4)(show_cards), wanted, [alert, cards, more, limit], show_progress="hidden")
    for choice in wanted:
        choice.input(guarded(4)(show_cards), wanted, [alert, cards, more, limit], show_progress="hidden")
    more.click(guarded(4)(show_cards), [*wanted, limit], [alert, cards, more, limit], show_progress="hidden")
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
    found = _listed(user)
    choices = [
        gr.update(choices=[ANY, *sorted({one.base for one in found})]),
        gr.update(choices=[ANY, *sorted({one.data for one in found})]),
        gr.update(choices=[ANY, *sorted({one.method for one in found})]),
    ]
    filters = gr.update(visible=len(found) > 1)
    wanted = asked(request, "artifact")
    if not wanted:
        return [CLEAR, "", gr.update(visible=False), "", "", "", filters, *choices]
    artifact = artifacts.get(user, wanted)
    shown = card_html(artifact, Lineage(user, [artifact]), user.name, selectable=False)
    return [CLEAR, artifact.id, gr.update(visible=True), shown, artifact.name, artifact.note, filters, *choices]


class _Listed(NamedTuple):
    """What a result is filtered by."""

    id: str
    base: str
    data: str
    method: str
    verdict: str | None


def _listed(user: User) -> list[_Listed]:
    """All results, newest first."""
    found = artifact_lists.summaries(user)
    used = job_inputs.of_jobs((one.job_id for one in found), names_only=True)
    return [
        _Listed(one.id, _base(used[one.job_id]), lineage.data(used[one.job_id]), one.method or "", one.verdict)
        for one in found
    ]


def _base(used: Inputs) -> str:
    base = used.model(Role.BASE)
    return base.name if base else ""


class Lineage:
    """The results' lineage, looked up once for all of them."""

    def __init__(self, user: User, found: Sequence[Artifact]):
        self._inputs = job_inputs.of_jobs((artifact.job_id for artifact in found), names_only=True)
        self._facts = {artifact.id: artifacts.model_facts(artifact) for artifact in found if is_model(artifact)}
        self._openings = openings.counts(user.id)

    def facts(self, artifact: Artifact) -> ModelFacts | None:
        """Facts that only models have; None for other artifacts."""
        return self._facts.get(artifact.id)

    def base(self, artifact: Artifact) -> str:
        """The name of a model's base."""
        return _base(self._inputs[artifact.job_id])

    def models(self, artifact: Artifact) -> str:
        """The names of all models that were used."""
        return lineage.models(self._inputs[artifact.job_id])

    def openings(self, artifact: Artifact) -> str:
        """How often the held-out side behind its verdict has been opened; empty if never counted."""
        measured_on = self._inputs[artifact.job_id].measured_on
        n = self._openings.get(measured_on.id) if measured_on else None
        return f"held-out side opened {openings.times(n)}" if n else ""

    def data(self, artifact: Artifact) -> str:
        """The names of the datasets."""
        return lineage.data(self._inputs[artifact.job_id])


def show_cards(
    request: gr.Request, base: str, data: str, method: str, verdict: str, shown: float = 0
) -> tuple[str, str, Any, int]:
    """The newest cards that pass the filters, some more than the number `shown` before."""
    user, limit = acting(request), int(shown or 0) + N_SHOWN
    found = _listed(user)
    if not found:
        return CLEAR, html("gallery/empty"), gr.update(visible=False), 0
    wanted = (base, data, method, verdict)
    fitting = [
        one.id for one in found if all(want in (ANY, None, has) for want, has in zip(wanted, one[1:], strict=True))
    ]
    chosen = artifact_lists.of_ids(user, fitting[:limit])
    of = Lineage(user, chosen)
    n_left = len(fitting) - len(chosen)
    more = gr.update(visible=n_left > 0, value=f"Show more ({n_left:,} left)")
    return CLEAR, html("gallery/cards", cards=[card_html(one, of, user.name) for one in chosen]), more, limit


def card_html(artifact: Artifact, of: Lineage, owner: str, *, selectable: bool = True) -> Markup:
    """One result: verdict, lineage, size and actions."""
    told = of.facts(artifact)
    if told is None:
        made_from = [part for part in (of.models(artifact), of.data(artifact)) if part]
        return html("gallery/file_card", artifact=artifact, lineage=made_from, facts=_facts(artifact, owner))
    recipe = told.recipe
    way = recipe["method"] if recipe["quantization"] == "none" else f"{recipe['method']} on {recipe['quantization']}"
    measured = (verdicts.stopped(told.verdict), verdicts.forgotten_figure(told.verdict), of.openings(artifact))
    return html(
        "gallery/card",
        artifact=artifact,
        base=of.base(artifact),
        headline=verdicts.headline(told.verdict),
        lineage=(of.models(artifact), way, of.data(artifact)),
        facts=[registry.objective(recipe["objective"]).title, *filter(None, measured), *_facts(artifact, owner)],
        weights_sha256=told.weights_sha256,
        selectable=selectable,
    )


def _facts(artifact: Artifact, owner: str) -> list[str]:
    kind, took = registry.artifact_kind(artifact.kind).title, f"took {duration(artifact.duration_s)}"
    return [kind, size(artifact.size_bytes), took, ago(artifact.created_at), owner]


def rename(request: gr.Request, subject: str, name: str) -> tuple[str, str]:
    """Rename the result."""
    renamed = artifacts.rename(acting(request), subject, name)
    return done(f"It is now called “{renamed.name}”."), f"gallery?artifact={quote(renamed.name)}"


def annotate(request: gr.Request, subject: str, note: str) -> str:
    """Save a note on the result."""
    artifacts.annotate(acting(request), subject, note)
    return done("The note is saved.")


def delete(request: gr.Request, subject: str) -> tuple[str, str]:
    """Delete the result; an empty subject means that the reader declined."""
    if not subject:
        return CLEAR, ""
    artifacts.delete(acting(request), subject)
    return done("Deleted."), "gallery"
