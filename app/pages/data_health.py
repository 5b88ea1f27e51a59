"""Whether a dataset can be trusted, what mends it, and the versions that come of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.formats import plural
from app.pages import health_views, layout
from app.pages.alerts import CLEAR, FOCUS_JS, guarded
from app.pages.who import acting
from storage import datasets, versions

TAB = "health"
STAYS = "What is ticked is done to a copy, the next version. This one stays as it is."
TESTED = "Will models trained on this be scored on another dataset? Then none of its rows should be in here."
NEW_FILE = "<p class='quiet'>The report is made of all rows once you press “Use this data”.</p>"


@dataclass(frozen=True)
class Health:
    """What the dataset comes to, what can be mended, what was found, and the versions."""

    tabs: gr.Tabs
    outcome: gr.HTML
    findings: gr.HTML
    against: gr.Dropdown
    fixes: gr.CheckboxGroup
    mend: gr.Button
    versions: gr.HTML


def draw(tabs: gr.Tabs) -> Health:
    """Two tabs, to be put among the others of `tabs`."""
    with gr.Tab("Health", id=TAB):
        outcome = gr.HTML(NEW_FILE, elem_id="health")
        against = gr.Dropdown([], visible=False, label="Evaluation set", info=TESTED, elem_id="against")
        fixes = gr.CheckboxGroup([], visible=False, label="What can be mended", info=STAYS, elem_id="fixes")
        mend = gr.Button("Make a mended version", visible=False, elem_id="mend")
        findings = gr.HTML(elem_id="findings")
    with gr.Tab("Versions"):
        lineage = gr.HTML(elem_id="versions")
    return Health(tabs, outcome, findings, against, fixes, mend, lineage)


def let_mend(opened: Any, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox, health: Health) -> None:
    """The report comes after the page; the button makes a version and leads to it."""
    opened.success(first_tab, subject, health.tabs, queue=False)  # before the report: nobody's tab is changed later
    shown = [alert, health.outcome, health.findings, health.fixes, health.mend, health.versions]
    drawn = opened.success(guarded(len(shown))(show), subject, shown, show_progress_on=health.outcome)
    drawn.success(others, subject, health.against, show_progress="hidden")
    compared = [subject, health.against]
    health.against.input(guarded(len(shown))(show), compared, shown, show_progress_on=health.outcome)
    made = health.mend.click(
        guarded(2)(mend), [subject, health.fixes, health.against], [alert, following], show_progress_on=health.fixes
    )
    made.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def first_tab(subject: str) -> Any:
    """A dataset opens with its health, a fresh file with its first rows."""
    return gr.Tabs(selected=TAB) if subject.startswith("data:") else gr.skip()


def others(request: gr.Request, subject: str) -> Any:
    """The user's other datasets, any of which may be what a model is tested on."""
    kind, _, key = subject.partition(":")
    names = [dataset.name for dataset in datasets.of_user(acting(request)) if dataset.id != key]
    visible = kind == "data" and bool(names)
    return gr.update(choices=[("– none –", ""), *((name, name) for name in names)], value="", visible=visible)


def show(request: gr.Request, subject: str, against: str | None = None) -> list[Any]:
    """The report on the dataset that the page is about, its fixes and its versions."""
    kind, _, key = subject.partition(":")
    hidden = gr.update(visible=False)
    if kind != "data":
        return [gr.skip(), NEW_FILE, "", hidden, hidden, NEW_FILE]
    from storage.health import report  # needed late: numpy is slow to import

    user = acting(request)
    dataset = datasets.get(user, key)
    found = report.of_dataset(user, dataset.id, against=against or None)
    able = [one for one in found.found if one.check.fix]
    choices = [
        (f"{one.check.title}: {one.check.fix.title} ({plural(len(one.finding.rows), 'row')} found)", one.check.key)
        for one in able
        if one.check.fix
    ]
    chosen = [one.check.key for one in able if one.level != "note"]
    return [
        gr.skip(),
        health_views.outcome(found),
        health_views.findings(found),
        gr.update(choices=choices, value=chosen, visible=bool(able)),
        gr.update(visible=bool(able)),
        _versions(request, key),
    ]


def _versions(request: gr.Request, key: str) -> str:
    user = acting(request)
    line = versions.lineage(user, key)
    parts = [health_views.lineage(line, versions.children(user, key))]
    found = versions.since_parent(line[-1])
    if found:
        parts.append(health_views.difference(found, line[-1].shape, line[-2].name.partition(" (deleted ")[0]))
    return "".join(parts)


def mend(request: gr.Request, subject: str, keys: list[str], against: str | None = None) -> tuple[str, str]:
    """Make the mended version, and go to it."""
    from storage.health import fixing  # needed late: numpy is slow to import

    made = fixing.fix(acting(request), subject.partition(":")[2], keys, against=against or None)
    return CLEAR, f"data?data={quote(made.name)}"
