"""Compare: the same prompt to two to four models, side by side, all streaming at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import chat_client, chat_opening
from app.pages import panes
from app.pages.alerts import CLEAR, guarded
from app.pages.answering import READY, say
from app.pages.held_out_prompts import CHIPS, show_chips, taker
from app.pages.panes import PANES
from app.pages.who import acting, asked
from storage.bases import base_models
from storage.gallery import artifact_lists, artifacts
from storage.models import User
from templates.errors import BadInput, NotFound, Problem, refuse

INSTRUCTION: dict[str, Any] = {
    "label": "Instruction for every pane (optional)",
    "info": "Every model gets it. By default, it is the one that the adapted model was trained with.",
    "max_lines": 4,
    "elem_id": "instruction",
}
LEAD = "The same prompt, the same seed, the same template: the weights are the only difference."


@dataclass(frozen=True)
class Pane:
    """One model's column."""

    column: gr.Column
    model: gr.Dropdown
    head: gr.HTML
    chat: gr.HTML
    print: gr.HTML


def build(demo: gr.Blocks, alert: gr.HTML) -> None:
    """The page `/compare`, with `?models=a,b`.

    Layout and wiring stand in one piece, to be read from top to bottom.
    """
    with gr.Row(elem_classes="panes", equal_height=True):
        drawn = [_pane(i) for i in range(PANES)]
    columns, models, heads = [p.column for p in drawn], [p.model for p in drawn], [p.head for p in drawn]
    chats, prints = [p.chat for p in drawn], [p.print for p in drawn]
    unseen = gr.HTML()
    with gr.Row(elem_classes="chips"):
        chips = [gr.Button("", size="sm", visible=False, elem_id=f"chip-{i}", min_width=120) for i in range(CHIPS)]
    expected = gr.HTML(elem_id="expected")
    instruction, proposed = gr.Textbox(**INSTRUCTION), gr.State("")
    with gr.Row(elem_classes="ask"):
        prompt = gr.Textbox(
            label="Your message",
            placeholder="Ask all of them",
            max_lines=8,
            scale=6,
            min_width=240,
            elem_id="prompt",
        )
        send = gr.Button("Send", variant="primary", scale=1, min_width=90, elem_id="send")
        stop = gr.Button("Stop", scale=1, min_width=90, elem_id="stop")
    with gr.Row(elem_classes="settings manner"):
        n_panes = gr.Radio([2, 3, 4], value=2, label="Panes", min_width=130, elem_id="n-panes")
        seed = gr.Number(42, label="Seed", precision=0, min_width=90)
        temperature = gr.Number(0, label="Temperature (0: always the likeliest)", step=0.1, min_width=150)
        length = gr.Number(128, label="Longest answer (tokens)", precision=0, min_width=130)
        again = gr.Button("Start over", min_width=110, elem_id="start-over")

    manner = [seed, temperature, length]
    opened = demo.load(guarded(2 + 2 * PANES)(open_page), None, [alert, n_panes, *columns, *models])
    for event in (opened, *(model.input(lambda: "", None, expected, queue=False) for model in models)):
        event.then(guarded(2 + CHIPS)(show_chips), models, [alert, unseen, *chips], show_progress="hidden").then(
            guarded(1 + PANES)(show_heads), models, [alert, *heads], show_progress="hidden"
        ).then(
            guarded(3)(propose),
            [instruction, proposed, *models],
            [alert, instruction, proposed],
            show_progress="hidden",
        )
    talks = gr.Textbox("", visible=False)
    n_panes.input(show_panes, n_panes, columns, queue=False, show_progress="hidden")
    answered = [alert, prompt, send, talks, *chats, *prints]
    asked_with = [prompt, instruction, n_panes, *manner, talks, *models]
    sent = gr.on([send.click, prompt.submit], say, asked_with, answered, show_progress="hidden", concurrency_limit=None)
    sent.then(guarded(1 + PANES)(show_heads), models, [alert, *heads], show_progress="hidden")
    for event in (sent, stop.click(None, cancels=[sent])):  # also after an error
        event.then(lambda: READY, None, send, queue=False, show_progress="hidden")
    again.click(
        lambda: [READY, "", *[[]] * PANES, *[""] * PANES],
        None,
        [send, expected, *chats, *prints],
        cancels=[sent],
        queue=False,
    )
    for i, chip in enumerate(chips):
        chip.click(taker(i), models, [alert, prompt, expected], show_progress="hidden")


def _pane(i: int) -> Pane:
    with gr.Column(visible=i < 2, min_width=260, elem_classes="pane", elem_id=f"pane-{i}") as column:
        return Pane(
            column=column,
            model=gr.Dropdown([], label=f"Model {i + 1}", elem_id=f"model-{i}"),
            head=gr.HTML(),
            chat=_chat(i),
            print=gr.HTML(elem_classes="small"),
        )


def _chat(i: int) -> gr.HTML:
    # Not a gr.Chatbot: that renders the HTML in an answer, and an answer must be shown as it is.
    return gr.HTML(
        panes.conversation([]),
        elem_id=f"chat-{i}",
        elem_classes="chat",
        max_height=340,
        autoscroll=True,
        js_on_load=panes.COPY_JS,
    )


def open_page(request: gr.Request) -> list[Any]:
    """The models that the page's address names; else the newest result beside its base."""
    user = acting(request)
    names = [name for name in asked(request, "models").split(",") if name]
    known = _known(user)
    refuse(
        [Problem(f"There is no model “{name}”.", remedy="Choose one in a pane.") for name in names if name not in known]
    )
    if len(names) > PANES:
        raise BadInput(f"You selected {len(names)} models.", remedy=f"Select at most {PANES}.")
    names = _with_base(user, names)
    choices = [(f"{name} · {kind}", name) for name, kind in known.items()]
    values = names + [names[-1]] * (PANES - len(names))
    return [
        CLEAR,
        max(2, len(names)),
        *show_panes(max(2, len(names))),
        *(gr.update(choices=choices, value=value) for value in values),
    ]


def _known(user: User) -> dict[str, str]:
    """Every model for chat, with a description."""
    known = {row.name: "base" for row in base_models.of_user(user)}
    return known | dict.fromkeys(artifact_lists.model_names(user), "adapted")


def _with_base(user: User, names: list[str]) -> list[str]:
    """At least two models: if none is named, the newest result; if one is named, its base comes first."""
    if not names:
        names = list(artifact_lists.model_names(user)[:1])
    if len(names) != 1:
        return names or [base_models.of_user(user)[0].name] * 2
    try:
        return [artifacts.base_of(artifacts.get(user, names[0])).name, *names]
    except NotFound:
        return names * 2


def show_panes(n: int | float) -> list[Any]:
    """The first `n` panes."""
    return [gr.update(visible=i < int(n)) for i in range(PANES)]


def show_heads(request: gr.Request, *models: str) -> list[Any]:
    """The chat server's facts about each pane's model."""
    user = acting(request)
    told = {model.name: model.studio for model in chat_client.models(user)}
    return [gr.skip(), *(panes.header(told.get(name), name) if name else "" for name in models)]


def propose(request: gr.Request, typed: str, proposed: str, *models: str) -> list[Any]:
    """The instruction that the chosen models were trained with; one that was typed stays."""
    if (typed or "") != proposed:
        return [gr.skip()] * 3
    found = chat_opening.instruction(acting(request), models)
    return [gr.skip(), found, found]
