"""Sending one prompt to every pane, and streaming the answers."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app import chat_opening, turns
from app.pages import conversations, label_bars, panes
from app.pages.alerts import CLEAR, html_of, is_open
from app.pages.conversations import Talk
from app.pages.who import acting
from storage.models import User
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
    sees earlier messages. `rest`: seed, temperature and length, the conversations so far, then the panes' models and
    strengths (`panes.at_strengths`).
    Yields alert, prompt, the button, conversations, the wanted answer, the panes' conversations as HTML, and
    their small print.
    """
    clicked_at = time.monotonic()
    try:
        models = panes.at_strengths(rest[4:], n_panes)
        user, manner = acting(request), checked(prompt, models, *rest[:3])
        manner = replace(manner, labels_of=chat_opening.labels_of(user, models))
        talks = conversations.read(rest[3], models, panes.PANES)
        message = _Message(user, prompt, instruction, alone, models, talks, manner, clicked_at)
        async with turns.CHATS.turn(user.id, is_open()), aclosing(message.answered(prompt == wanted_for)) as steps:
            async for step in steps:
                yield step
    except StudioError as error:
        yield [html_of(error), *[gr.skip()] * (N_BEFORE_CHATS - 1 + 2 * panes.PANES)]


@dataclass(frozen=True)
class _Message:
    """What is asked of the models of all visible panes."""

    user: User
    prompt: str
    instruction: str
    alone: bool
    models: Sequence[str]
    talks: list[Talk]
    """The conversations before it, also of the hidden panes; they grow."""
    manner: panes.Manner
    clicked_at: float

    async def answered(self, shows_wanted: bool) -> AsyncGenerator[list[Any]]:
        """What `say` yields while the answers come."""
        n, talks = len(self.models), self.talks
        for talk in talks[:n]:
            talk += [{"role": "user", "content": self.prompt}, {"role": "assistant", "content": ""}]
        waiting = _padded([panes.small_print(panes.Answer())] * n)
        wanted, begun = gr.skip() if shows_wanted else "", [panes.conversation(talk) for talk in talks[:n]]
        yield [CLEAR, "", busy(), self._kept(talks), wanted, *_padded(begun), *waiting]
        asked = {i: _asked(self.instruction, talks[i], self.alone) for i in range(n)}
        stream = panes.together(self.user, asked, dict(enumerate(self.models)), self.manner, self.clicked_at)
        async with aclosing(stream) as steps:
            async for changed in steps:
                for i, answer in changed.items():
                    talks[i][-1] |= {"content": answer.text, "reasoning": answer.reasoning} | label_bars.kept(
                        answer.info
                    )
                shown = [panes.conversation(talks[i]) if i in changed else gr.skip() for i in range(n)]
                small = [panes.small_print(changed[i]) if i in changed else gr.skip() for i in range(n)]
                yield [*[gr.skip()] * 3, self._kept(talks), gr.skip(), *_padded(shown), *_padded(small)]
        said = [conversations.answered(talk) for talk in talks]
        lost = all(len(before) > len(after) for before, after in zip(talks[:n], said[:n], strict=True))
        box, shown = self.prompt if lost else gr.skip(), [panes.conversation(talk) for talk in said[:n]]
        # The button is freed once this event is over: until then the browser drops another one, typed text and all.
        yield [gr.skip(), box, gr.skip(), self._kept(said), gr.skip(), *_padded(shown), *_padded([gr.skip()] * n)]

    def _kept(self, talks: Sequence[Talk]) -> str:
        return conversations.written(talks, self.models)


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
