"""Held-out prompts on the Compare page: buttons that put one into the box, with the expected answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from app.markup import html
from app.pages import verdicts
from app.pages.alerts import CLEAR, guarded
from app.pages.who import acting
from storage.gallery import artifacts
from storage.models import User
from templates.errors import NotFound
from templates.shortened import shortened

CHIPS = 6


def held_out(user: User, models: Sequence[str]) -> tuple[str, list[dict[str, Any]]]:
    """The first adapted model and its held-out prompts, the most changed answers first."""
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
    title = html("compare/chips_title", name=name) if found else ""
    return [gr.skip(), title, *shown, *[gr.update(visible=False)] * (CHIPS - len(shown))]


def taker(place: int) -> Callable[..., Any]:
    """The handler that puts the prompt at `place` into the box, with the answer wanted for it, which names it."""

    @guarded(4)
    def take(request: gr.Request, *models: str) -> tuple[str, str, str, str]:
        answer = held_out(acting(request), models)[1][place]
        wanted = html("compare/expected", prompt=answer["prompt"], answer=answer["expected"])
        return CLEAR, answer["prompt"], wanted, answer["prompt"]

    return take
