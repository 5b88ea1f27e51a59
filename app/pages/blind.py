"""Blind votes: two answers to the same prompt, without names; a vote by key or button, and the next question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import vote_words
from app.markup import html
from app.pages import blind_voting, vote_views
from app.pages.alerts import FOCUS_JS, guarded
from app.pages.blind_voting import ABOUT, ASK, BEGIN
from storage.votes.answers import CHOICES, TYPED
from storage.votes.contenders import MOST

LEAD = "Two answers to the same prompt, without the models’ names. Say which is better; the tally counts your votes."
KEYS = {"left": "← or 1", "tie": "T", "both_bad": "X", "right": "→ or 2"}
ORDER = ("left", "tie", "both_bad", "right")
KEYS_JS = """() => {
  if (window.studioVotes) return;
  window.studioVotes = true;
  const keys = {ArrowLeft: 'left', 1: 'left', ArrowRight: 'right', 2: 'right', t: 'tie', x: 'both_bad'};
  const isTyping = (place) => place?.closest?.('input, textarea, select, [contenteditable], [role=listbox]');
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isTyping(document.activeElement)) document.activeElement.blur();
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const id = keys[key] ? `vote-${keys[key]}` : {u: 'take-back', n: 'ask-both'}[key];
    const button = id && document.getElementById(id);
    if (!button || button.disabled || !button.offsetParent) return;
    event.preventDefault();
    button.click();
  });
}"""
"""Keys vote, take back and go on; while somebody types they are letters. A button is off once it was pressed."""
READ_JS = "() => setTimeout(() => document.getElementById('question-title')?.focus(), 150)"
"""Once there are answers, keys are votes: the focus leaves the box for the prompt."""
OFF_JS = """() => {
  document.querySelectorAll('.votes button').forEach((button) => { button.disabled = true; });
}"""
"""At the first press, so that a second one finds no button."""
NEXT_JS = """(source, alert, waiting) => {
  if (alert) {
    document.querySelectorAll('.votes button').forEach((button) => { button.disabled = false; });
    return;
  }
  const types = source === 'typed' && !waiting;
  const next = types ? document.querySelector('#prompt textarea') : document.getElementById('ask-both');
  if (next?.tagName === 'BUTTON') next.click(); else next?.focus();
}"""
"""After a vote: the question that waits or a dataset's next one, or the box for the next prompt; a vote that failed can
be given again."""
KEEP_JS = """(models, prompts, data) =>
  window.studioKeep({models: (models || []).join(','), prompts, data: prompts === 'typed' ? '' : data})"""


@dataclass(frozen=True)
class Setting:
    """What is voted on."""

    models: gr.Dropdown
    source: gr.Radio
    data: gr.Dropdown
    about: gr.HTML
    instruction: gr.Textbox
    manner: list[Any]
    """Seed, temperature, length."""
    names: gr.Checkbox


@dataclass(frozen=True)
class Arena:
    """The question, both answers, and the votes."""

    prompt: gr.Textbox
    ask: gr.Button
    question: gr.HTML
    answers: list[gr.HTML]
    votes: dict[str, gr.Button]
    note: gr.Textbox
    undo: gr.Button
    said: gr.HTML
    open_id: gr.Textbox
    """Of the question that waits for a vote."""
    last_id: gr.Textbox
    """Of the vote that can be taken back."""
    waiting_id: gr.Textbox
    """Of the question that was open when a vote was taken back; it comes next."""


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/blind`, with `?models=a,b&prompts=training&data=D`."""
    setting, arena = _setting(), _arena()
    opened = [alert, setting.models, setting.source, setting.data, setting.about]
    opened += [arena.prompt, arena.ask, setting.instruction]
    demo.load(guarded(len(opened))(blind_voting.open_page), None, opened).then(None, None, None, js=KEYS_JS)
    shown = [setting.data, setting.about, arena.prompt, arena.ask]
    setting.source.input(blind_voting.show_source, setting.source, shown, queue=False, show_progress="hidden")
    kept: list[Any] = [setting.models, setting.source, setting.data]
    for choice in kept:
        choice.input(None, kept, None, js=KEEP_JS)
    _let_vote(alert, setting, arena)


def _setting() -> Setting:
    with gr.Accordion("What you vote on", open=True, elem_id="vote-setting"):
        models = gr.Dropdown(
            [],
            multiselect=True,
            max_choices=MOST,
            label=f"Models (2 to {MOST})",
            info="Of more than two, two are drawn at random for each question.",
            elem_id="blind-models",
            interactive=True,
        )
        with gr.Row():
            sources = [(words, key) for key, words in vote_words.SOURCES.items()]
            source = gr.Radio(sources, value=TYPED, label="Prompts", elem_id="prompt-source", scale=2)
            data = gr.Dropdown([], label="Dataset", visible=False, elem_id="prompt-data", min_width=160)
        about = gr.HTML(html("votes/source", words=ABOUT[TYPED]), elem_id="about-source")
        instruction = gr.Textbox(label="Instruction for both (optional)", max_lines=4, elem_id="blind-instruction")
        with gr.Row(elem_classes="settings manner"):
            manner = [
                gr.Number(42, label="Seed", precision=0, min_width=90),
                gr.Number(0, label="Temperature (0: always the likeliest)", step=0.1, min_width=150),
                gr.Number(128, label="Longest answer (tokens)", precision=0, min_width=130, elem_id="blind-length"),
            ]
            names = gr.Checkbox(False, label="Show the names after each vote", elem_id="show-names")
    return Setting(models, source, data, about, instruction, manner, names)


def _arena() -> Arena:
    with gr.Row(elem_classes="ask"):
        prompt = gr.Textbox(
            label="Your prompt", placeholder="Ask both of them", max_lines=8, scale=6, min_width=240, elem_id="prompt"
        )
        ask = gr.Button(ASK, variant="primary", scale=1, min_width=120, elem_id="ask-both")
    said, question = gr.HTML(elem_id="said"), gr.HTML(elem_id="question")
    with gr.Row(elem_classes="panes", equal_height=True):
        answers = []
        for i, words in enumerate(vote_views.answers(None, BEGIN)):
            with gr.Column(min_width=260, elem_classes="pane"):
                answers.append(gr.HTML(words, elem_id=f"answer-{'ab'[i]}", elem_classes="chat blind-answer"))
    with gr.Row(elem_classes="votes"):
        votes = {
            key: gr.Button(
                f"{vote_words.CHOICES[key]} ({KEYS[key]})", interactive=False, min_width=130, elem_id=f"vote-{key}"
            )
            for key in ORDER
        }
    with gr.Row(elem_classes="ask"):
        note = gr.Textbox(
            label="Note (optional)", max_length=2000, max_lines=3, scale=6, min_width=240, elem_id="vote-note"
        )
        undo = gr.Button("Take back (U)", interactive=False, scale=1, min_width=120, elem_id="take-back")
    gr.HTML(html("votes/ways"))
    ids = [gr.Textbox("", visible=False) for _ in range(3)]
    return Arena(prompt, ask, question, answers, votes, note, undo, said, *ids)


def _let_vote(alert: gr.HTML, setting: Setting, arena: Arena) -> None:
    buttons = [arena.votes[key] for key in CHOICES]
    asked_with = [
        arena.waiting_id,
        setting.models,
        setting.source,
        setting.data,
        arena.prompt,
        setting.instruction,
        *setting.manner,
    ]
    question = [arena.question, *arena.answers, arena.open_id]
    answered = [alert, *question, arena.ask, *buttons, arena.prompt, arena.waiting_id]
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    triggers = [arena.ask.click, arena.prompt.submit]
    asking = gr.on(triggers, blind_voting.ask, asked_with, answered, concurrency_limit=None, **quiet)
    asking.then(None, None, None, js=FOCUS_JS).success(None, None, None, js=READ_JS)
    counted = [alert, arena.said, arena.last_id, arena.open_id, arena.note, *buttons, arena.undo]
    for key, button in arena.votes.items():
        voted_with = [arena.open_id, arena.note, setting.names]
        given = button.click(None, None, None, js=OFF_JS).then(blind_voting.voter(key), voted_with, counted, **quiet)
        given.then(None, [setting.source, alert, arena.waiting_id], None, js=NEXT_JS)
    again = [alert, arena.said, arena.last_id, *question, *buttons, arena.undo, arena.waiting_id]
    taken_with = [arena.last_id, arena.open_id, setting.names]
    back = blind_voting.take_back
    taken = arena.undo.click(back, taken_with, again, cancels=[asking], **quiet)  # or the next question replaces it
    ready = taken.then(blind_voting.ready, setting.source, arena.ask, queue=False, **quiet)
    ready.then(None, None, None, js=READ_JS)
