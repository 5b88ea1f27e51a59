"""Compare: the same prompt to two to four models, side by side, all streaming at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import chat_client
from app.formats import escaped, shortened
from app.pages import panes, verdicts
from app.pages.alerts import CLEAR, guarded, html_of
from app.pages.who import acting, asked
from storage.bases import base_models
from storage.gallery import artifacts
from storage.models import User
from templates.errors import BadInput, NotFound, Problem, StudioError, refuse

PANES = 4
CHIPS = 6
MOST_TOKENS = 4096
READY, BUSY = gr.update(value="Send", interactive=True), gr.update(value="Answering …", interactive=False)
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
        )
    talks = gr.Textbox("", visible=False)
    n_panes.input(show_panes, n_panes, columns, queue=False, show_progress="hidden")
    answered = [alert, prompt, send, talks, *chats, *prints]
    asked_with = [prompt, n_panes, *manner, talks, *models]
    sent = gr.on([send.click, prompt.submit], say, asked_with, answered, show_progress="hidden", concurrency_limit=None)
    sent.then(guarded(1 + PANES)(show_heads), models, [alert, *heads], show_progress="hidden")
    for event in (sent, stop.click(None, cancels=[sent])):  # also after what went wrong
        event.then(lambda: READY, None, send, queue=False, show_progress="hidden")
    again.click(
        lambda: [READY, "", *[[]] * PANES, *[""] * PANES],
        None,
        [send, expected, *chats, *prints],
        cancels=[sent],
        queue=False,
    )
    for i, chip in enumerate(chips):
        chip.click(_taker(i), models, [alert, prompt, expected], show_progress="hidden")


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
        raise BadInput(f"{len(names)} models were selected.", remedy=f"Select at most {PANES}.")
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
    """Every model that can be talked to, and what it is."""
    known = {row.name: "base" for row in base_models.of_user(user)}
    return known | {artifact.name: "adapted" for artifact in artifacts.models_of(user)}


def _with_base(user: User, names: list[str]) -> list[str]:
    """At least two models: none named, the newest result; a single one, its base before it."""
    if not names:
        names = [artifact.name for artifact in artifacts.models_of(user)[:1]]
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
    """What the chat server says of each pane's model."""
    user = acting(request)
    told = {model.name: model.studio for model in chat_client.models(user)}
    return [gr.skip(), *(panes.header(told.get(name), name) if name else "" for name in models)]


def held_out(user: User, models: Sequence[str]) -> tuple[str, list[dict[str, Any]]]:
    """The first adapted model and its held-out prompts, those first whose answer adapting changed most."""
    for name in models:
        try:
            found = verdicts.answers(artifacts.get(user, name)) if name else []
        except NotFound:
            continue  # a base model has no held-out prompts
        if found:
            return name, sorted(found, key=_change, reverse=True)[:CHIPS]
    return "", []


def _change(answer: dict[str, Any]) -> tuple[bool, float]:
    before, after = answer.get("loss_base") or 0.0, answer.get("loss_adapted") or 0.0
    return answer["change"] != "same", abs(before - after)


def show_chips(request: gr.Request, *models: str) -> list[Any]:
    """Buttons with held-out prompts."""
    name, found = held_out(acting(request), models)
    shown = [gr.update(value=shortened(answer["prompt"], 60), visible=True) for answer in found]
    title = f'<p class="chips-title">Held-out prompts, which “{escaped(name)}” was not trained on:</p>' if found else ""
    return [gr.skip(), title, *shown, *[gr.update(visible=False)] * (CHIPS - len(shown))]


def _taker(place: int) -> Callable[..., Any]:
    @guarded(3)
    def take(request: gr.Request, *models: str) -> tuple[str, str, str]:
        answer = held_out(acting(request), models)[1][place]
        wanted = f'<p class="expected">Wanted answer: <b>{escaped(shortened(answer["expected"], 200))}</b></p>'
        return CLEAR, answer["prompt"], wanted

    return take


async def say(request: gr.Request, prompt: str, n_panes: int, *rest: Any) -> AsyncIterator[list[Any]]:
    """Send the prompt to every visible pane and stream the answers.

    `rest`: seed, temperature and length, the conversations so far, then the panes' models. Gives:
    alert, prompt, the button, conversations, the panes' conversations as HTML, their small print.
    """
    n, models = int(n_panes), rest[4 : 4 + int(n_panes)]
    try:
        user, manner = acting(request), checked(prompt, models, *rest[:3])
    except StudioError as error:
        yield [html_of(error), *[gr.skip()] * (3 + 2 * PANES)]
        return
    talks = panes.read(rest[3], PANES)
    for talk in talks[:n]:
        talk += [{"role": "user", "content": prompt}, {"role": "assistant", "content": ""}]
    waiting = [panes.small_print(panes.Answer())] * n
    yield [
        CLEAR,
        "",
        BUSY,
        panes.written(talks),
        *_padded([panes.conversation(talk) for talk in talks[:n]]),
        *_padded(waiting),
    ]
    asked = {i: talks[i][:-1] for i in range(n)}
    async with aclosing(panes.together(user, asked, dict(enumerate(models)), manner)) as steps:
        async for changed in steps:
            for i, answer in changed.items():
                talks[i][-1]["content"] = answer.text
            shown = [panes.conversation(talks[i]) if i in changed else gr.skip() for i in range(n)]
            small = [panes.small_print(changed[i]) if i in changed else gr.skip() for i in range(n)]
            yield [*[gr.skip()] * 3, panes.written(talks), *_padded(shown), *_padded(small)]
    said = [panes.answered(talk) for talk in talks]
    lost = all(len(before) > len(after) for before, after in zip(talks[:n], said[:n], strict=True))
    shown = [panes.conversation(talk) for talk in said[:n]]
    kept = prompt if lost else gr.skip()
    yield [gr.skip(), kept, READY, panes.written(said), *_padded(shown), *_padded([gr.skip()] * n)]


def _padded(shown: Sequence[Any]) -> list[Any]:
    return [*shown, *[gr.skip()] * (PANES - len(shown))]


def checked(prompt: str, models: Sequence[str], seed: Any, temperature: Any, length: Any) -> panes.Manner:
    """How to answer. Raises `BadInput` with everything that is wrong."""
    problems = []
    if not prompt.strip():
        problems.append(Problem("is empty.", field="message", remedy="Type something to send."))
    if not all(models):
        problems.append(Problem("choose a model in every pane.", field="model"))
    if not isinstance(seed, int | float) or not 0 <= seed < 2**32:
        problems.append(Problem("must be between 0 and 4294967295.", field="seed"))
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        problems.append(Problem("must be between 0 and 2.", field="temperature"))
    if not isinstance(length, int | float) or not 1 <= length <= MOST_TOKENS:
        problems.append(Problem(f"must be between 1 and {MOST_TOKENS}.", field="longest answer"))
    refuse(problems)
    return panes.Manner(int(seed), float(temperature), int(length))
