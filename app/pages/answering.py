"""Sending one prompt to every pane, and streaming the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import gradio as gr

from app import chat_opening
from app.pages import panes
from app.pages.alerts import CLEAR, html_of
from app.pages.who import acting
from templates.errors import Problem, StudioError, refuse

MOST_TOKENS = 4096
READY, BUSY = gr.update(value="Send", interactive=True), gr.update(value="Answering …", interactive=False)


async def say(request: gr.Request, prompt: str, instruction: str, n_panes: int, *rest: Any) -> AsyncIterator[list[Any]]:
    """Send the prompt to every visible pane, below the same instruction, and stream the answers.

    `rest`: seed, temperature and length, the conversations so far, then the panes' models. Yields
    alert, prompt, the button, conversations, the panes' conversations as HTML, and their small print.
    """
    n, models = int(n_panes), rest[4 : 4 + int(n_panes)]
    try:
        user, manner = acting(request), checked(prompt, models, *rest[:3])
    except StudioError as error:
        yield [html_of(error), *[gr.skip()] * (3 + 2 * panes.PANES)]
        return
    talks = panes.read(rest[3], panes.PANES)
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
    asked = {i: [*chat_opening.system(instruction), *talks[i][:-1]] for i in range(n)}
    async with aclosing(panes.together(user, asked, dict(enumerate(models)), manner)) as steps:
        async for changed in steps:
            for i, answer in changed.items():
                talks[i][-1] |= {"content": answer.text, "reasoning": answer.reasoning}
            shown = [panes.conversation(talks[i]) if i in changed else gr.skip() for i in range(n)]
            small = [panes.small_print(changed[i]) if i in changed else gr.skip() for i in range(n)]
            yield [*[gr.skip()] * 3, panes.written(talks), *_padded(shown), *_padded(small)]
    said = [panes.answered(talk) for talk in talks]
    lost = all(len(before) > len(after) for before, after in zip(talks[:n], said[:n], strict=True))
    shown = [panes.conversation(talk) for talk in said[:n]]
    kept = prompt if lost else gr.skip()
    yield [gr.skip(), kept, READY, panes.written(said), *_padded(shown), *_padded([gr.skip()] * n)]


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
