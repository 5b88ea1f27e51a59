"""A teacher's answers on the pages of its job and of its dataset: which were dropped and why, and changes by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from app.formats import count
from app.markup import html
from app.pages import layout
from app.pages.alerts import CLEAR, FOCUS_JS, guarded
from app.pages.who import acting
from storage.data import datasets
from storage.data.answers import dropped, filtering, revising
from storage.models import Dataset, User
from templates import registry
from templates.errors import BadInput, Problem

N_SHOWN = 10
KEPT, DROPPED = "kept", "dropped:"
"""What is shown; after the second comes a filter's key, or nothing for all."""
N_OPENED = 6
PUT_BACK, REMOVE, REWRITE = "Put back (dropped ones)", "Remove (kept ones)", "Rewrite number"
NOTE = (
    "Numbers are those in the table, separated by commas. The changes go into a new version; this one stays as it is."
)


@dataclass(frozen=True)
class Review:
    """The components."""

    fold: gr.Accordion
    which: gr.Dropdown
    offset: gr.Number
    table: gr.HTML
    newer: gr.Button
    older: gr.Button
    put_back: gr.Textbox
    remove: gr.Textbox
    number: gr.Textbox
    text: gr.Textbox
    save: gr.Button


def draw() -> Review:
    """All components, hidden until there are answers to show."""
    with gr.Accordion("Answers that were kept and dropped", open=True, visible=False, elem_id="review") as fold:
        which = gr.Dropdown([("Kept", KEPT)], value=KEPT, label="Show", elem_id="review-which")
        offset = gr.Number(0, visible=False)
        table = gr.HTML(elem_id="review-table")
        with gr.Row(elem_classes="ways"):
            newer = gr.Button("‹ Before", size="sm", visible=False, elem_id="review-newer")
            older = gr.Button("More ›", size="sm", visible=False, elem_id="review-older")
        gr.HTML(html("quiet", words=NOTE))
        with gr.Row():
            put_back = gr.Textbox(label=PUT_BACK, min_width=160, elem_id="review-put-back")
            remove = gr.Textbox(label=REMOVE, min_width=160, elem_id="review-remove")
        with gr.Row():
            number = gr.Textbox(label=REWRITE, min_width=110, scale=1, elem_id="review-number")
            text = gr.Textbox(
                label="Its new text", lines=2, max_lines=12, min_width=240, scale=4, elem_id="review-text"
            )
        save = gr.Button("Save as a new version", size="sm", elem_id="review-save")
    return Review(fold, which, offset, table, newer, older, put_back, remove, number, text, save)


def let_review(opened: list[Any], review: Review, alert: gr.HTML, subject: gr.Textbox, following: gr.Textbox) -> None:
    """Fill the components after each of the events `opened`, and make the version that the button asks for."""
    place = [review.offset, review.table, review.newer, review.older]
    for event in opened:
        event(guarded(N_OPENED + 1)(show), subject, [alert, review.fold, review.which, *place], show_progress="hidden")
    turned = [subject, review.which, review.offset]
    shown = [alert, *place]
    review.which.input(guarded(len(shown))(first), turned, shown, show_progress="hidden")
    review.newer.click(guarded(len(shown))(back), turned, shown, show_progress="hidden")
    review.older.click(guarded(len(shown))(further), turned, shown, show_progress="hidden")
    named = [subject, review.number]
    review.number.blur(guarded(2)(text_of), named, [alert, review.text], show_progress="hidden")
    changes = [subject, review.put_back, review.remove, review.number, review.text]
    saved = review.save.click(guarded(2)(save), changes, [alert, following], show_progress_on=alert)
    saved.then(None, following, None, js=layout.GO_JS).then(None, None, None, js=FOCUS_JS)


def _dataset(user: User, subject: str | None) -> Dataset | None:
    """The dataset with a teacher that the page is about: a stored one, or the one that a job made."""
    kind, _, key = (subject or "").rpartition(":")
    if not key or kind == "upload":
        return None
    found = datasets.get(user, key) if kind == "data" else datasets.made_by(user, key)
    return found if found and (found.teacher or found.dropped_sha256) else None


def show(request: gr.Request, subject: str | None) -> list[Any]:
    """What there is to show: the dropped answers first, if there are any."""
    found = _dataset(acting(request), subject)
    if found is None:
        return [gr.skip(), gr.update(visible=False), *[gr.skip()] * (N_OPENED - 1)]
    by_filter = dropped.page(found, 0, 0).by_filter
    choices = [(f"All dropped ({count(sum(by_filter.values()))})", DROPPED)] if by_filter else []
    choices += [(f"Dropped: {filtering.outcome(key)} ({count(n)})", f"{DROPPED}{key}") for key, n in by_filter.items()]
    choices.append((f"Kept ({count(found.n_rows)})", KEPT))
    shown = choices[0][1]
    return [gr.skip(), gr.update(visible=True), gr.update(choices=choices, value=shown), *_page(found, shown, 0)]


def first(request: gr.Request, subject: str, which: str, _offset: float) -> list[Any]:
    """The first page of other answers."""
    return _turned(request, subject, which, 0)


def back(request: gr.Request, subject: str, which: str, offset: float) -> list[Any]:
    """The page before."""
    return _turned(request, subject, which, max(0, int(offset or 0) - N_SHOWN))


def further(request: gr.Request, subject: str, which: str, offset: float) -> list[Any]:
    """The page after this one."""
    return _turned(request, subject, which, int(offset or 0) + N_SHOWN)


def _turned(request: gr.Request, subject: str, which: str, offset: int) -> list[Any]:
    found = _dataset(acting(request), subject)
    return [gr.skip(), *(_page(found, which, offset) if found else [gr.skip()] * (N_OPENED - 2))]


def _page(dataset: Dataset, which: str, offset: int) -> list[Any]:
    """The place, the table, and which of the two buttons lead somewhere."""
    shape = registry.shape(dataset.shape)
    if which == KEPT:
        n_all, rows = datasets.page(dataset, None, offset, N_SHOWN)
        lines: list[tuple[int, str, Mapping[str, Any]]] = [(row["source_row"], "", row) for row in rows]
    else:
        page = dropped.page(dataset, offset, N_SHOWN, reason=which.removeprefix(DROPPED))
        n_all, lines = page.n_answers, [(one.number, one.reason, one.row) for one in page.answers]
    shown = [(n, why, revising.prompt_of(shape, row), revising.text_of(shape, row)) for n, why, row in lines]
    table: Markup = html(
        "jobs/answers",
        answers=shown,
        has_reasons=which != KEPT,
        first=offset + 1,
        last=offset + len(shown),
        n_all=n_all,
        key=dataset.id if dataset.dropped_sha256 else "",
    )
    return [offset, table, gr.update(visible=offset > 0), gr.update(visible=offset + N_SHOWN < n_all)]


def text_of(request: gr.Request, subject: str, typed: str) -> tuple[Any, Any]:
    """The present text of the answer with this number, to be rewritten."""
    found = _dataset(acting(request), subject)
    if found is None or not (typed or "").strip():
        return gr.skip(), gr.skip()
    number = _number(typed)
    shape = registry.shape(found.shape)
    kept = {row["source_row"]: row for row in datasets.rows(found)}
    out = {one.number: one.row for one in dropped.of(found)}
    row = kept.get(number) or out.get(number)
    if row is None:
        raise BadInput(Problem(f"There is no answer {number}.", field=REWRITE))
    return CLEAR, revising.text_of(shape, row)


def save(request: gr.Request, subject: str, put_back: str, remove: str, typed: str, text: str) -> tuple[str, str]:
    """Make the version, and go to it."""
    user = acting(request)
    found = _dataset(user, subject)
    if found is None:
        raise BadInput(Problem("The dataset was deleted."))
    back_again, rewrite = _numbers(put_back, PUT_BACK), {}
    if (typed or "").strip():
        number = _number(typed)
        rewrite[number] = text or ""
        if number in {one.number for one in dropped.of(found)}:
            back_again.append(number)  # whoever rewrites a dropped answer wants it
    made = revising.revise(user, found.id, put_back=back_again, remove=_numbers(remove, REMOVE), rewrite=rewrite)
    return CLEAR, f"data?data={quote(made.name)}"


def _numbers(typed: str, field: str) -> list[int]:
    parts = [part for part in re.split(r"[\s,;]+", typed or "") if part]
    wrong = [part for part in parts if not part.isdigit()]
    if wrong:
        raise BadInput(Problem(f"“{wrong[0]}” is no number.", field=field, remedy="Separate numbers by commas."))
    return [int(part) for part in parts]


def _number(typed: str) -> int:
    numbers = _numbers(typed, REWRITE)
    if len(numbers) != 1:
        raise BadInput(Problem("takes one number.", field=REWRITE, remedy="Save, then rewrite the next."))
    return numbers[0]
