"""Gallery: the results of your jobs. Cards, newest first; select two to four and compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.formats import ago, duration
from app.markup import html
from app.pages import layout, lineage, strength_panel, verdicts
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded, html_of
from app.pages.selection import SELECT_JS
from app.pages.who import acting, asked
from storage import dependents, job_inputs
from storage.data import openings
from storage.gallery import artifact_lists, artifacts, chains
from storage.gallery.artifacts import gives_scores, is_model
from storage.job_inputs import Inputs
from storage.models import Artifact, User
from templates import registry
from templates.artifact_kind import ModelFacts
from templates.errors import NotFound
from templates.quantities import size
from templates.roles import Role

LEAD = "The results of your jobs. Select two to four to compare them."
ANY = "any"
N_SHOWN = 24
DELETE_JS = "(subject, depends) => [confirm(`Delete this result?\\n\\n${depends}`) ? subject : '', depends]"
KEEP_JS = f"""(...chosen) => window.studioKeep(Object.fromEntries(
  ['base', 'data', 'method', 'verdict'].map((name, i) => [name, chosen[i] === '{ANY}' ? '' : chosen[i]])))"""
"""Keeps the filters in the page's address."""


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/gallery`, with `?artifact=NAME` to rename, annotate or delete one."""
    subject, following = gr.Textbox(visible=False), layout.address()
    with gr.Column(visible=False, elem_classes="manage") as manage:
        card, weaker = gr.HTML(), strength_panel.draw()
        with gr.Row():
            name = gr.Textbox(label="Name", max_length=64, min_width=200, elem_id="artifact-name")
            note = gr.Textbox(label="Note", max_length=2000, min_width=260, scale=2, elem_id="artifact-note")
        with gr.Row(elem_classes="ways"):
            rename_button = gr.Button("Rename", size="sm", min_width=90)
            note_button = gr.Button("Save note", size="sm", min_width=90)
            delete_button = gr.Button("Delete", size="sm", variant="stop", min_width=90)
        depends = gr.HTML(elem_id="depends")
        gr.HTML(layout.section("All results"))
    with gr.Row(visible=False, elem_classes="filters") as filters:
        base = gr.Dropdown([ANY], value=ANY, label="Base", min_width=130)
        data = gr.Dropdown([ANY], value=ANY, label="Data", min_width=130)
        method = gr.Dropdown([ANY], value=ANY, label="Method", min_width=130)
        verdict = gr.Dropdown(
            [ANY, *((word, key) for key, word in verdicts.WORDS.items())], value=ANY, label="Verdict", min_width=130
        )
    cards, asking = gr.HTML(elem_id="cards", js_on_load=SELECT_JS), gr.Textbox(visible=False)
    more, limit = gr.Button("Show more", size="sm", visible=False, elem_id="more-cards"), gr.Number(visible=False)

    wanted, shown = [base, data, method, verdict], [alert, cards, more, limit]
    opened = [alert, subject, manage, card, name, note, depends, asking, filters, *wanted]
    filled = demo.load(guarded(len(opened))(open_page), None, opened)
    filled.success(guarded(4)(show_cards), wanted, shown, show_progress="hidden")
    strength_panel.let_use([filled.success], weaker, alert, subject, strength_panel.of_result)
    for choice in wanted:
        choice.input(None, wanted, None, js=KEEP_JS)
        choice.input(guarded(4)(filter_cards), wanted, shown, show_progress="hidden")
    more.click(guarded(4)(show_cards), [*wanted, limit], shown, show_progress="hidden")
    for event in (
        rename_button.click(guarded(2)(rename), [subject, name], [alert, following]),
        delete_button.click(guarded(2)(delete), [subject, asking], [alert, following], js=DELETE_JS),
    ):
        event.then(None, [following, alert], None, js=layout.GO_SAYING_JS).then(None, None, None, js=FOCUS_JS)
    note_button.click(guarded(1)(annotate), [subject, note], alert)


def open_page(request: gr.Request) -> list[Any]:
    """The filters as the page's address names them, and the one result that it names."""
    user = acting(request)
    found = _listed(user)
    filters = [gr.update(visible=len(found) > 1)]
    for name in ("base", "data", "method"):
        values = sorted({value for one in found if (value := getattr(one, name))})
        filters.append(gr.update(choices=[ANY, *values], value=_wanted(request, name, values)))
    filters.append(gr.update(value=_wanted(request, "verdict", list(verdicts.WORDS))))
    wanted, nothing = asked(request, "artifact"), ["", gr.update(visible=False), "", "", "", "", ""]
    if not wanted:
        return [CLEAR, *nothing, *filters]
    try:
        artifact = artifacts.get(user, wanted)
    except NotFound:
        missing = NotFound(f"There is no result “{wanted}”.", remedy="It may be renamed or deleted; all are below.")
        return [html_of(missing), *nothing, *filters]
    shown = card_html(artifact, Lineage(user, [artifact]), user.name, selectable=False)
    depends = dependents.of(user, artifact).sentences()
    words = " ".join([*depends, "Chats that use it will stop; the data and the job stay."])
    facts = [artifact.id, gr.update(visible=True), shown, artifact.name, artifact.note]
    return [CLEAR, *facts, html("gallery/depends", sentences=depends), words, *filters]


def _wanted(request: gr.Request, name: str, known: Sequence[str]) -> str:
    """The filter that the address names, if there is something to find with it."""
    wanted = asked(request, name)
    return wanted if wanted in known else ANY


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
        self._chains = chains.below_jobs(self._inputs)
        self._facts = {one.id: artifacts.model_facts(one) for one in found if is_model(one) or gives_scores(one)}
        self._openings = openings.counts(user.id)

    def facts(self, artifact: Artifact) -> ModelFacts | None:
        """Facts that only models have; None for other artifacts."""
        return self._facts.get(artifact.id)

    def compared(self, artifact: Artifact) -> list[str]:
        """The names of the models that a result is compared with: the base model, and the result before it."""
        chain = self._chains.get(artifact.job_id)
        if chain is None:
            return [_base(self._inputs[artifact.job_id])]
        return [chain.root.name, *(step.name for step in chain.steps[-1:] if not step.deleted)]

    def models(self, artifact: Artifact) -> list[str]:
        """All models that were used, in words; with the trainings that it goes on from."""
        chain = self._chains.get(artifact.job_id)
        used = self._inputs[artifact.job_id]
        return [*lineage.chain(chain), *lineage.beside_chain(used)] if chain else [lineage.models(used)]

    def openings(self, artifact: Artifact) -> str:
        """How often the held-out side behind its verdict has been opened; empty if never counted."""
        measured_on = self._inputs[artifact.job_id].measured_on
        n = self._openings.get(measured_on.id) if measured_on else None
        return f"held-out rows used {openings.times(n)}" if n else ""

    def data(self, artifact: Artifact) -> str:
        """The names of the datasets."""
        return lineage.data(self._inputs[artifact.job_id])


def filter_cards(request: gr.Request, base: str, data: str, method: str, verdict: str) -> list[Any]:
    """The cards that pass other filters; what the page said before is over."""
    return [CLEAR, *show_cards(request, base, data, method, verdict)[1:]]


def show_cards(request: gr.Request, base: str, data: str, method: str, verdict: str, shown: float = 0) -> list[Any]:
    """The newest cards that pass the filters, some more than the number `shown` before."""
    user, limit = acting(request), int(shown or 0) + N_SHOWN
    found = _listed(user)
    if not found:
        return [gr.skip(), html("gallery/empty"), gr.update(visible=False), 0]
    wanted = (base, data, method, verdict)
    fitting = [
        one.id for one in found if all(want in (ANY, None, has) for want, has in zip(wanted, one[1:], strict=True))
    ]
    chosen = artifact_lists.of_ids(user, fitting[:limit])
    of = Lineage(user, chosen)
    n_left = len(fitting) - len(chosen)
    more = gr.update(visible=n_left > 0, value=f"Show more ({n_left:,} left)")
    cards = [card_html(one, of, user.name) for one in chosen]
    return [gr.skip(), html("gallery/cards", cards=cards, known=artifact_lists.model_names(user)), more, limit]


def card_html(artifact: Artifact, of: Lineage, owner: str, *, selectable: bool = True) -> Markup:
    """One result: verdict, lineage, size and actions."""
    told = of.facts(artifact)
    if told is None:
        made_from = [part for part in (*of.models(artifact), of.data(artifact)) if part]
        return html("gallery/file_card", artifact=artifact, lineage=made_from, facts=_facts(artifact, owner))
    recipe = told.recipe
    way = recipe["method"] if recipe["quantization"] == "none" else f"{recipe['method']} on {recipe['quantization']}"
    forgotten = (verdicts.forgotten_figure(told.verdict), verdicts.own_words_figure(told.verdict))
    measured = (verdicts.stopped(told.verdict), *forgotten, of.openings(artifact))
    return html(
        "gallery/card",
        artifact=artifact,
        compared=of.compared(artifact),
        headline=verdicts.headline(told.verdict),
        lineage=(*of.models(artifact), way, of.data(artifact)),
        facts=[registry.objective(recipe["objective"]).title, *filter(None, measured), *_facts(artifact, owner)],
        weights_sha256=told.weights_sha256,
        selectable=selectable and is_model(artifact),
        gives_scores=gives_scores(artifact),
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


def delete(request: gr.Request, subject: str, _depends: str = "") -> tuple[str, str]:
    """Delete the result; an empty subject means that the reader declined."""
    if not subject:
        return CLEAR, ""
    gone = artifacts.get(acting(request), subject)
    artifacts.delete(acting(request), subject)
    return done(f"“{gone.name}” is deleted."), "gallery"
