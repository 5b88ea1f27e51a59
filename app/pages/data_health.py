"""Whether a dataset can be trusted, how to clean it, and its versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app import turns
from app.markup import html
from app.pages import health_views, layout
from app.pages.alerts import CLEAR, FOCUS_JS, guarded, in_turn
from app.pages.who import acting
from storage import deleted_names
from storage.data import dataset_lists, datasets, versions
from storage.models import User
from templates.quantities import plural

if TYPE_CHECKING:
    from storage.data.health.report import Found
    from storage.data.rows.words import Words

TAB = "health"
STAYS = "Tick what to fix. The fixes go into a copy, the next version; this one stays as it is."
TESTED = "Will you test models on another dataset? Then none of its rows should be in this one."
TONE = "Insults, for example, or names to avoid: a model picks up the words of the answers it learns."
TICKED_SHARE = 0.5
"""A fix that would drop a larger share of the rows is not ticked at first."""
NEW_FILE = html("quiet", words="The report covers all rows once you press “Use this data”.")


@dataclass(frozen=True)
class Health:
    """The report's outcome, its findings and fixes, and the versions."""

    tabs: gr.Tabs
    outcome: gr.HTML
    findings: gr.HTML
    against: gr.Dropdown
    words: gr.Textbox
    look: gr.Button
    looked_for: gr.Textbox
    """The words in the last report."""
    fixes: gr.CheckboxGroup
    mend: gr.Button
    versions: gr.HTML


def draw(tabs: gr.Tabs) -> Health:
    """Two tabs, to be put among the others of `tabs`."""
    with gr.Tab("Health", id=TAB):
        outcome = gr.HTML(NEW_FILE, elem_id="health")
        with gr.Row(elem_classes="asked"):
            against = gr.Dropdown([], visible=False, label="Evaluation set", info=TESTED, elem_id="against")
            with gr.Column():
                words = gr.Textbox(
                    label="Words to look for (one a line, optional)",
                    info=TONE,
                    lines=3,
                    max_lines=8,
                    visible=False,
                    elem_id="words",
                )
                look = gr.Button("Look for these words", visible=False, size="sm", elem_id="look")
        looked_for = gr.Textbox(visible=False)
        fixes = gr.CheckboxGroup([], visible=False, label="What can be cleaned", info=STAYS, elem_id="fixes")
        mend = gr.Button("Create a cleaned copy", visible=False, elem_id="mend")
        findings = gr.HTML(elem_id="findings")
    with gr.Tab("Versions"):
        lineage = gr.HTML(elem_id="versions")
    return Health(tabs, outcome, findings, against, words, look, looked_for, fixes, mend, lineage)


def let_mend(opened: Any, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox, health: Health) -> None:
    """The report comes after the page; the button makes a version and leads to it."""
    # before the report, so that the tab doesn't change under the reader
    opened.success(first_tab, subject, health.tabs, queue=False)
    shown = [alert, health.outcome, health.findings, health.fixes, health.mend, health.versions]
    drawn = opened.success(
        in_turn(len(shown), lane=turns.REPORTS)(show), subject, shown, show_progress_on=health.outcome
    )
    drawn.success(choices, subject, [health.against, health.words, health.look], show_progress="hidden")
    compared = [subject, health.against, health.looked_for]
    health.against.input(
        in_turn(len(shown), lane=turns.REPORTS)(show), compared, shown, show_progress_on=health.outcome
    )
    typed = [subject, health.against]
    health.against.key_up(
        guarded(2)(find_other),
        typed,
        [alert, health.against],
        queue=False,
        show_progress="hidden",
        trigger_mode="always_last",
    )
    looked = health.look.click(lambda words: words, health.words, health.looked_for, queue=False)
    told = looked.then(in_turn(len(shown), lane=turns.REPORTS)(show), compared, shown, show_progress_on=health.outcome)
    told.then(None, None, None, js=FOCUS_JS)
    mended = [subject, health.fixes, health.against, health.looked_for]
    made = health.mend.click(in_turn(2)(mend), mended, [alert, following], show_progress_on=health.fixes)
    made.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def first_tab(subject: str) -> Any:
    """Open a dataset with its health, a new file with its first rows."""
    return gr.Tabs(selected=TAB) if subject.startswith("data:") else gr.skip()


def choices(request: gr.Request, subject: str) -> list[Any]:
    """Choices to compare the rows with: the user's other datasets (possible evaluation sets) and a list of words."""
    kind, _, key = subject.partition(":")
    of_data = gr.update(visible=kind == "data")
    others = _others(acting(request), key)
    return [gr.update(choices=others, value="", visible=kind == "data" and len(others) > 1), of_data, of_data]


def find_other(request: gr.Request, subject: str, chosen: str, key: gr.KeyUpData) -> list[Any]:
    """The datasets whose names contain what is typed into the box, as its choices."""
    found = _others(acting(request), subject.partition(":")[2], "" if key.input_value == chosen else key.input_value)
    kept = [] if chosen in {name for _, name in found} else [(chosen, chosen)]  # “none” is always there
    return [gr.skip(), gr.update(choices=[*found, *kept])]


def _others(user: User, key: str, typed: str = "") -> list[tuple[str, str]]:
    """The newest datasets except the one with this id, as choices; typing finds the older ones."""
    found = dataset_lists.page(user, name=typed).rows
    return [("– none –", ""), *((dataset.name, dataset.name) for dataset in found if dataset.id != key)]


def show(request: gr.Request, subject: str, against: str | None = None, words: str | None = None) -> list[Any]:
    """The report on the dataset that the page is about, its fixes and its versions."""
    kind, _, key = subject.partition(":")
    hidden = gr.update(visible=False)
    if kind != "data":
        return [gr.skip(), NEW_FILE, "", hidden, hidden, NEW_FILE]
    from storage.data.health import report  # needed late: numpy is slow to import

    user = acting(request)
    dataset = datasets.get(user, key)
    found = report.of_dataset(user, dataset.id, against=against or None, words=_listed(words))
    able = [one for one in found.found if one.check.fix]
    offered = [
        (f"{one.check.title}: {one.check.fix.title} ({plural(len(one.finding.rows), 'row')} found)", one.check.key)
        for one in able
        if one.check.fix
    ]
    chosen = [one.check.key for one in able if one.level != "note" and _is_small(one)]
    return [
        gr.skip(),
        health_views.outcome(found),
        health_views.findings(found),
        gr.update(choices=offered, value=chosen, visible=bool(able)),
        gr.update(visible=bool(able)),
        _versions(request, key),
    ]


def _is_small(one: Found) -> bool:
    """Whether the fix leaves most rows: one that drops more is the reader's own choice."""
    assert one.check.fix
    return one.check.fix.rewrites or one.finding.share <= TICKED_SHARE


def _versions(request: gr.Request, key: str) -> Markup:
    user = acting(request)
    line = versions.lineage(user, key)
    parts = [health_views.lineage(line, versions.children(user, key))]
    found = versions.since_parent(line[-1])
    if found:
        parts.append(health_views.difference(found, line[-1].shape, deleted_names.original(line[-2].name)))
    return Markup("").join(parts)


def _listed(words: str | None) -> Words | None:
    from storage.data.rows.words import of_text  # needed late: numpy is slow to import

    return of_text(words) if words and words.strip() else None


def mend(
    request: gr.Request, subject: str, keys: list[str], against: str | None = None, words: str | None = None
) -> tuple[str, str]:
    """Make the cleaned copy, and go to it."""
    from storage.data.health import fixing  # needed late: numpy is slow to import

    key = subject.partition(":")[2]
    made = fixing.fix(acting(request), key, keys, against=against or None, words=_listed(words))
    return CLEAR, f"data?data={quote(made.name)}"
