"""Sending one prompt to every pane, and streaming the answers."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import gradio as gr

from app import chat_opening
from app.pages import conversations, panes
from app.pages.alerts import CLEAR, html_of
from app.pages.conversations import Talk
from app.pages.who import acting
from templates.errors import Problem, StudioError, refuse

MOST_TOKENS = 4096
N_BEFORE_CHATS = 5
"""Outputs of `say` before the panes' conversations and small print."""


def ready() -> Any:
    """The button once more. A new update each time: Gradio takes the value out of the one it is given."""
    return gr.update(value="Send", interactive=True)


def busy() -> Any:
    """The button while answers come; always a new update too."""
    return gr.update(value="Answering …", interactive=False)


async def say(
    request: gr.Request, prompt: str, wanted_for: str, instruction: str, alone: bool, n_panes: int, *rest: Any
) -> AsyncIterator[list[Any]]:
    """Send the prompt to every visible pane, below the same instruction, and stream the answers.

    `wanted_for` is the prompt whose wanted answer is shown; it goes when another is sent. `alone`: no model
    sees earlier messages. `rest`: seed, temperature and length, the conversations so far, then the panes' models.
    Yields alert, prompt, the button, conversations, the wanted answer, the panes' conversations as HTML, and
    their small print.
    """
    clicked_at = time.monotonic()
    n, models = int(n_panes), rest[4 : 4 + int(n_panes)]
    try:
        user, manner = acting(request), checked(prompt, models, *rest[:3])
        talks = conversations.read(rest[3], models, panes.PANES)
    except StudioError as error:
        yield [html_of(error), *[gr.skip()] * (N_BEFORE_CHATS - 1 + 2 * panes.PANES)]
        return
    for talk in talks[:n]:
        talk += [{"role": "user", "content": prompt}, {"role": "assistant", "content": ""}]
    wanted = gr.skip() if prompt == wanted_for else ""
    waiting = _padded([panes.small_print(panes.Answer())] * n)
    kept = conversations.written(talks, models)
    yield [CLEAR, "", busy(), kept, wanted, *_padded([panes.conversation(talk) for talk in talks[:n]]), *waiting]
    asked = {i: _asked(instruction, talks[i], alone) for i in range(n)}
    async with aclosing(panes.together(user, asked, dict(enumerate(models)), manner, clicked_at)) as steps:
        async for changed in steps:
            for i, answer in changed.items():
                talks[i][-1] |= {"content": answer.text, "reasoning": answer.reasoning}
            shown = [panes.conversation(talks[i]) if i in changed else gr.skip() for i in range(n)]
            small = [panes.small_print(changed[i]) if i in changed else gr.skip() for i in range(n)]
            kept = conversations.written(talks, models)
            yield [*[gr.skip()] * 3, kept, gr.skip(), *_padded(shown), *_padded(small)]
    said = [conversations.answered(talk) for talk in talks]
    lost = all(len(before) > len(after) for before, after in zip(talks[:n], said[:n], strict=True))
    shown = [panes.conversation(talk) for talk in said[:n]]
    box, kept = prompt if lost else gr.skip(), conversations.written(said, models)
    # The button is freed once this event is over: until then the browser drops another one, typed text and all.
    yield [gr.skip(), box, gr.skip(), kept, gr.skip(), *_padded(shown), *_padded([gr.skip()] * n)]


def _asked(instruction: str, talk: Talk, alone: bool) -> Talk:
    """The turns to answer: instruction, earlier turns unless each message stands `alone`, and the question."""
    return [*chat_opening.system(instruction), *(talk[-2:-1] if alone else talk[:-1])]


def _padded(shown: Sequence[Any]) -> list[Any]:
    return [*shown, *[gr.skip()] * (panes.PANES - len(shown))]


def checked(prompt: str, models: Sequence[str], seed: Any, temperature: Any, length: Any) -> panes.Manner:
    """The decoding settings. Raises `BadInput` with every problem."""
    problems = []
    if not prompt.strip():
        problems.append(Problem("Type a message first."))
    if not all(models):
        problems.append(Problem("Choose a model in every pane.", field="model"))
    if not isinstance(seed, int | float) or not 0 <= seed < 2**32:
        problems.append(Problem("must be between 0 and 4294967295.", field="seed"))
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        problems.append(Problem("must be between 0 and 2.", field="temperature"))
    if not isinstance(length, int | float) or not 1 <= length <= MOST_TOKENS:
        problems.append(Problem(f"must be between 1 and {MOST_TOKENS}.", field="longest answer"))
    refuse(problems)
    return panes.Manner(int(seed), float(temperature), int(length))
