"""The panes of a comparison: model, self-test, and the streamed answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app import chat_client, notify
from app.markup import html
from storage.models import User
from templates.errors import BadInput

PANES = 4
Talk = list[dict[str, str]]
"""One pane's conversation: role and content of each turn, and the reasoning before an answer."""
CUT_IN_REASONING = "No answer: the model was cut off in its reasoning. Allow a longer answer."
COPY_JS = """
element.addEventListener('click', (event) => {
  if (!event.target.matches('.copy')) return;
  navigator.clipboard.writeText(event.target.parentElement.querySelector('.said').textContent);
  event.target.textContent = 'Copied';
});
element.addEventListener('toggle', (event) => {
  if (event.target.matches('.thought')) element.dataset.open = event.target.open ? 'yes' : '';
}, true);
new MutationObserver(() => {
  if (!element.dataset.open) return;
  element.querySelectorAll('.thought:not([open])').forEach((thought) => { thought.open = true; });
}).observe(element, {childList: true, subtree: true});
"""
COALESCED_S = 0.04
"""Pieces that arrive within this time go to the browser together."""


@dataclass(frozen=True)
class Manner:
    """How all panes answer: the same seed, temperature and length."""

    seed: int
    temperature: float
    max_new_tokens: int


@dataclass
class Answer:
    """One pane's answer so far."""

    text: str = ""
    reasoning: str = ""
    info: chat_client.Info | None = None
    error: str = ""
    over: bool = False


async def together(
    user: User, conversations: Mapping[int, Talk], models: Mapping[int, str], manner: Manner
) -> AsyncGenerator[dict[int, Answer]]:
    """Stream every pane's answer at once; each step yields the panes that changed.

    Closing the iterator closes the connections, which makes the chat server stop answering.
    """
    news: asyncio.Queue[int] = asyncio.Queue()
    answers = {pane: Answer() for pane in models}
    tasks = [
        asyncio.create_task(_one(user, models[pane], conversations[pane], manner, answers[pane], pane, news))
        for pane in models
    ]
    try:
        while not all(answer.over for answer in answers.values()) or not news.empty():
            changed = {await news.get()}
            await asyncio.sleep(COALESCED_S)
            while not news.empty():
                changed.add(news.get_nowait())
            yield {pane: answers[pane] for pane in changed}
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(
    user: User,
    model: str,
    messages: Talk,
    manner: Manner,
    answer: Answer,
    pane: int,
    news: asyncio.Queue[int],
) -> None:
    try:
        async for delta in chat_client.stream(
            model,
            sent(messages),
            seed=manner.seed,
            temperature=manner.temperature,
            max_new_tokens=manner.max_new_tokens,
            user=user,
        ):
            if isinstance(delta, chat_client.Delta) and delta.is_reasoning:
                answer.reasoning += delta.text
            elif isinstance(delta, chat_client.Delta):
                answer.text += delta.text
            else:
                answer.info = delta
            news.put_nowait(pane)
    except Exception as error:  # catch-all: this pane shows the error, the others continue
        answer.error = str(notify.told(error))
    finally:
        answer.over = True
        news.put_nowait(pane)


def sent(talk: Talk) -> list[dict[str, str]]:
    """The turns for the chat server: without reasoning, and without questions that got no answer."""
    n_opening = next((n for n, turn in enumerate(talk) if turn["role"] == "user"), 0)
    opening, earlier, question = talk[:n_opening], talk[n_opening:-1], talk[-1]
    pairs = zip(earlier[::2], earlier[1::2], strict=False)
    kept = [turn for asked, answer in pairs if answer["content"] for turn in (asked, answer)]
    return [{"role": turn["role"], "content": turn["content"]} for turn in (*opening, *kept, question)]


def read(written_talks: str, n: int) -> list[Talk]:
    """The panes' conversations as the browser keeps them; turns that were never answered are left out."""
    try:
        given = json.loads(written_talks or "[]")
        talks = [[_turn(turn) for turn in talk] for talk in given]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("The conversations can't be read.", remedy="Press “Start over”.") from error
    return [*map(answered, talks), *([] for _ in range(n))][:n]


def _turn(given: Mapping[str, Any]) -> dict[str, str]:
    turn = {"role": str(given["role"]), "content": str(given["content"])}
    return {**turn, "reasoning": str(given["reasoning"])} if given.get("reasoning") else turn


def answered(talk: Talk) -> Talk:
    """The conversation without questions that got neither an answer nor any reasoning."""
    pairs = zip(talk[::2], talk[1::2], strict=False)
    kept = [pair for pair in pairs if pair[1]["content"] or pair[1].get("reasoning")]
    return [turn for pair in kept for turn in pair]


def written(talks: Sequence[Talk]) -> str:
    """The conversations for the browser to keep."""
    return json.dumps(talks)


def conversation(talk: Talk) -> Markup:
    """A pane's turns, reasoning folded; markup in a text is shown, not rendered."""
    return html("compare/conversation", turns=talk)


def header(told: Mapping[str, Any] | None, name: str) -> Markup:
    """The weights behind this pane, and their self-test; `told` comes from the chat server."""
    if told is None:
        return html("compare/header", told=None, name=name)
    adapted = told.get("kind") not in (None, "base")
    of = "on" if told.get("kind") == "adapter" else "from" if adapted else "revision"
    parts = [
        (f"{of} {told.get('base') or ''}" if adapted else of, told.get("base_revision")),
        ("weights", told.get("weights_sha256")),
        ("template", told.get("template_sha256")),
    ]
    proof, is_bad = _proof(told, adapted)
    return html(
        "compare/header",
        told=told,
        kind="adapted" if adapted else "base",
        parts=[(words, str(hash_)[:8]) for words, hash_ in parts if hash_],
        proof=proof,
        is_bad=is_bad,
    )


def _proof(told: Mapping[str, Any], adapted: bool) -> tuple[str, bool]:
    """The self-test's result, and whether it failed."""
    difference, effect = told.get("base_difference"), told.get("adapter_effect")
    if not adapted and told.get("self_test"):
        if not difference:
            return "identical to the untouched base ✓", False
        return f"differs from the untouched base by {difference:.2g}: do not trust this", True
    if adapted and told.get("self_test") == "no_effect":
        return "the adapter does not change what the model says", True
    return ("adapter active ✓", False) if adapted and effect else ("", False)


def small_print(answer: Answer) -> Markup:
    """Time to the first token and pace, or the error."""
    info = answer.info
    words = []
    if info and info.time_to_first_token_s is not None:
        words.append(f"first token after {info.time_to_first_token_s:.2f} s")
    if info and info.tokens_per_s:
        words.append(f"{info.tokens_per_s:.0f} tokens/s")
    if info and info.finish_reason == "length":
        words.append("cut at the longest answer" if answer.text or not answer.reasoning else CUT_IN_REASONING)
    return html("compare/small_print", error=answer.error, words=words)
