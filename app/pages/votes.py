"""Votes: the tally of blind comparisons, the last votes, and preference data made of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import gradio as gr

from app import vote_words
from app.markup import html
from app.pages import judge_form, judged_views, layout, vote_views
from app.pages.alerts import CLEAR, FOCUS_JS, done, guarded
from app.pages.who import acting, asked
from storage.judging import judgements
from storage.listing import Place
from storage.models import User
from storage.votes import preference_data, tallies, votes
from storage.votes.answers import SOURCES

LEAD = "Which model you prefer, from your blind votes, and what you can make of them."
TEACHES = (
    "Here you will see which of your models you prefer. In a blind vote you get two answers to the same prompt without "
    "the models’ names, and say which is better. Fifty votes can tell a win share of 64 % from "
    "chance; a smaller difference takes more. Votes become preference data in one click."
)
ANY = "any"
N_LAST = 20
N_JUDGED = 5
N_OPENED = 6
KEEP_JS = "(source) => window.studioKeep({prompts: source === 'any' ? '' : source})"


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/votes`, with `?prompts=held_out` for votes on some prompts only."""
    following = layout.address()
    source = gr.Dropdown(
        [("All prompts", ANY), *((words, key) for key, words in vote_words.SOURCES.items())],
        value=ANY,
        label="Votes on",
        visible=False,
        elem_id="vote-source",
    )
    tally = gr.HTML(elem_id="tally")
    with gr.Column(visible=False, elem_classes="manage", elem_id="votes-as-data") as making:
        gr.HTML(layout.section("Use my votes as preference data", "For DPO, ORPO, SimPO and KTO."))
        made = gr.HTML(elem_id="would-make")
        with gr.Row(elem_classes="ask"):
            name = gr.Textbox(
                preference_data.NAME,
                label="Name of the dataset",
                max_length=64,
                scale=4,
                min_width=200,
                elem_id="votes-name",
            )
            make = gr.Button("Make the dataset", variant="primary", scale=1, min_width=140, elem_id="make-dataset")
    judge_form.draw(demo, alert, following)
    last = gr.HTML(elem_id="last-votes")
    opened = [alert, source, tally, making, made, last]
    demo.load(guarded(N_OPENED)(open_page), None, opened)
    source.input(None, source, None, js=KEEP_JS)
    source.input(guarded(2)(show_tally), source, [alert, tally], show_progress="hidden")
    going = make.click(guarded(2)(use), name, [alert, following])
    going.then(None, [following, alert], None, js=layout.GO_SAYING_JS).then(None, None, None, js=FOCUS_JS)


def open_page(request: gr.Request) -> list[Any]:
    """The tally, and what the votes would make."""
    user = acting(request)
    newest = votes.page(user, Place(N_LAST)).rows
    if not newest:
        empty = layout.empty(TEACHES, "blind", "Vote blind ›")
        return [CLEAR, gr.update(visible=False), empty, gr.update(visible=False), "", ""]
    source = asked(request, "prompts") if asked(request, "prompts") in SOURCES else ANY
    made = html("votes/made", sentences=preference_data.preview(user).sentences)
    judged = judged_views.lately(judgements.newest(user, N_JUDGED))
    last = judged + html("section", title="Your last votes", words="") + vote_views.last(newest)
    chosen = gr.update(visible=True, value=source)
    return [CLEAR, chosen, _tally(user, source), gr.update(visible=True), made, last]


def show_tally(request: gr.Request, source: str) -> list[Any]:
    """The tally of votes on other prompts."""
    return [CLEAR, _tally(acting(request), source)]


def _tally(user: User, source: str) -> Any:
    found = tallies.of(user, source="" if source == ANY else source)
    if not found.n:
        return html("plain", words="You have no votes on these prompts yet.")
    return vote_views.tally(found)


def use(request: gr.Request, name: str) -> tuple[Any, str]:
    """Make a dataset of all votes, and lead to it."""
    made = preference_data.make(acting(request), name=name)
    return done(f"“{made.name}” is made of your votes."), f"data?data={quote(made.name)}"
