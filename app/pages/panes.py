"""The panes of a comparison: model, self-test, and the streamed answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app import chat_client, notify
from app.markup import html
from app.pages import label_bars
from app.pages.conversations import Talk, sent
from storage.models import User
from templates import at_strength
from templates.at_strength import FULL, AtStrength

PANES = 4
CUT_IN_REASONING = "No answer: the model was cut off in its reasoning. Allow a longer answer."
PANE_JS = """
const pane = element.closest('.pane')?.id.replace('pane-', '');
element.setAttribute('role', 'log');
element.setAttribute('tabindex', '0');
element.setAttribute('aria-label', `Conversation with model ${Number(pane) + 1}`);
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


def at_strengths(asked: Sequence[Any], n: int | float = PANES) -> list[str]:
    """The models of the first `n` panes at their strengths; `asked` is `Page.asked` of the page.

    A strength that was chosen for another model doesn't count: its control may not have followed yet.
    """
    models, strengths, of = asked[:PANES], asked[PANES : 2 * PANES] or [FULL] * PANES, asked[2 * PANES :]
    found = []
    for model, strength, owner in zip(models, strengths, of or models, strict=True):
        is_own = bool(model) and owner == model and isinstance(strength, int | float)
        found.append(str(AtStrength(model, at_strength.checked(round(float(strength), 2)))) if is_own else model)
    return found[: int(n)]


@dataclass(frozen=True)
class Manner:
    """How all panes answer: the same seed, temperature and length."""

    seed: int
    temperature: float
    max_new_tokens: int
    labels_of: str | None = None
    """The result whose labels all of them choose among; None: they answer freely."""


@dataclass
class Answer:
    """One pane's answer so far."""

    text: str = ""
    reasoning: str = ""
    first_token_s: float | None = None
    """Seconds from the click to the first piece of the answer, waiting and loading included."""
    info: chat_client.Info | None = None
    error: str = ""
    over: bool = False


async def together(
    user: User,
    conversations: Mapping[int, Talk],
    models: Mapping[int, str],
    manner: Manner,
    clicked_at: float | None = None,
) -> AsyncGenerator[dict[int, Answer]]:
    """Stream every pane's answer at once; each step yields the panes that changed.

    `clicked_at` is when the message arrived, by `time.monotonic`; by default, now.
    Closing the iterator closes the connections, which makes the chat server stop answering.
    """
    news: asyncio.Queue[int] = asyncio.Queue()
    since = time.monotonic() if clicked_at is None else clicked_at
    answers = {pane: Answer() for pane in models}
    tasks = [
        asyncio.create_task(_one(user, models[pane], conversations[pane], manner, answers[pane], pane, news, since))
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
    since: float,
) -> None:
    try:
        async for delta in chat_client.stream(
            model,
            sent(messages),
            seed=manner.seed,
            temperature=manner.temperature,
            max_new_tokens=manner.max_new_tokens,
            labels_of=manner.labels_of,
            user=user,
        ):
            if isinstance(delta, chat_client.Delta) and answer.first_token_s is None:
                answer.first_token_s = time.monotonic() - since
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


def conversation(talk: Talk) -> Markup:
    """A pane's turns, reasoning folded; markup in a text is shown, not rendered."""
    shown = [{**turn, "chosen": label_bars.shown(turn.get("labels", ""))} for turn in talk]
    return html("compare/conversation", turns=shown)


def header(told: Mapping[str, Any] | None, name: str, strength: float = FULL) -> Markup:
    """The weights behind this pane, how much of them, and their self-test; `told` comes from the chat server."""
    if told is None:
        return html("compare/header", told=None, name=name)
    adapted = told.get("kind") not in (None, "base")
    of = "on" if told.get("kind") == "adapter" else "from" if adapted else "revision"
    parts = [
        (f"{of} {told.get('base') or ''}" if adapted else of, told.get("base_revision")),
        ("weights", told.get("weights_sha256")),
        ("template", told.get("template_sha256")),
        ("in", told.get("precision")),
    ]
    proof, is_bad = _proof(told, adapted)
    return html(
        "compare/header",
        told=told,
        kind="adapted" if adapted else "base",
        strength=at_strength.words(strength) if strength != FULL else "",
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
    if info and info.strength is not None and info.strength != FULL:
        words.append(at_strength.words(info.strength))
    if answer.first_token_s is not None:
        words.append(f"first token after {answer.first_token_s:.2f} s")
    if info and info.tokens_per_s:
        words.append(f"{info.tokens_per_s:.0f} tokens/s")
    if info and info.finish_reason == "length":
        words.append("cut at the longest answer" if answer.text or not answer.reasoning else CUT_IN_REASONING)
    return html("compare/small_print", error=answer.error, words=words)
