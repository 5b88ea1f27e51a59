"""Fills the Compare page: which models stand beside one another, and where their conversations begin."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import gradio as gr

from app import chat_client, chat_opening
from app.markup import html
from app.pages import conversations, panes
from app.pages.alerts import CLEAR, html_of
from app.pages.answering import ready
from app.pages.panes import PANES
from app.pages.who import acting, asked
from storage.bases import base_models, proposed
from storage.gallery import artifact_lists, artifacts, chains, strength
from storage.models import User
from templates import at_strength
from templates.at_strength import FULL, AtStrength
from templates.errors import BadInput, NotFound, Problem
from templates.shortened import shortened

ANEW = "All panes start anew, so that every model is asked the same. Your last message is back in the box."
KEPT = ("instruction", "seed", "temperature", "length")
"""Choices that the page's address keeps, besides the models."""


def open_page(request: gr.Request) -> list[Any]:
    """The models and choices that the page's address names; by default the newest result beside its base."""
    user = acting(request)
    known = known_models(user)
    wanted, wrong = wanted_models(user, asked(request, "models"), known)
    if len(wanted) > PANES:
        wrong.append(Problem(f"You selected {len(wanted)} models.", remedy=f"The first {PANES} are shown."))
    choices, unusable = _choices(request)
    wrong += unusable
    shown = with_base(user, wanted[:PANES])
    offered = [(f"{name} · {kind}", name) for name, kind in known.items()]
    padded = shown + [shown[-1]] * (PANES - len(shown))
    return [
        html_of(BadInput(*wrong)) if wrong else CLEAR,
        max(2, len(shown)),
        *show_panes(max(2, len(shown))),
        *(gr.update(visible=_has_strength(user, one.name), value=one.strength) for one in padded),
        *(one.name for one in padded),
        *(gr.update(choices=offered, value=one.name) for one in padded),
        *choices,
    ]


def wanted_models(user: User, address: str, known: Collection[str]) -> tuple[list[AtStrength], list[Problem]]:
    """The models that the address names, and what is wrong with the others."""
    wanted, wrong = list[AtStrength](), list[Problem]()
    for said in filter(None, address.split(",")):
        try:
            one = at_strength.read(said)
        except BadInput as error:
            wrong += error.problems
            continue
        if one.name not in known:
            remedy = "Choose one in a pane; the gallery shows your results."
            wrong.append(Problem(f"There is no model “{one.name}”.", remedy=remedy))
        elif one.strength != FULL and not _has_strength(user, one.name):
            wrong.append(Problem(f"“{one.name}” can't be weakened.", remedy="It answers at full strength."))
            wanted.append(AtStrength(one.name))
        else:
            wanted.append(one)
    return wanted, wrong


def _has_strength(user: User, name: str) -> bool:
    """Whether this model can answer at less than its full strength."""
    try:
        artifact = artifacts.get(user, name)
    except NotFound:  # a base model
        return False
    return strength.has_strength(artifact, artifacts.folder(artifact))


def show_strength(request: gr.Request, model: str) -> list[Any]:
    """The control of a newly chosen model, which begins at full strength; out of sight if it has none."""
    return [gr.skip(), gr.update(visible=_has_strength(acting(request), model), value=FULL), model]


def _choices(request: gr.Request) -> tuple[list[Any], list[Problem]]:
    """Updates for the choices that the address keeps, and what is wrong with them."""
    wrong, updates = [], [asked(request, KEPT[0]) or gr.skip()]
    for name in KEPT[1:]:
        said = asked(request, name)
        is_number = re.fullmatch(r"\d{1,10}(\.\d{1,6})?", said, re.ASCII)
        updates.append(float(said) if is_number else gr.skip())
        if said and not is_number:
            wrong.append(
                Problem(f"must be a number, not “{shortened(said, 40)}”.", field=name, remedy="The usual one is used.")
            )
    return updates, wrong


def known_models(user: User) -> dict[str, str]:
    """Every model for chat, with a description."""
    known = {row.name: "base" for row in base_models.of_user(user)}
    return known | dict.fromkeys(artifact_lists.model_names(user), "adapted")


def with_base(user: User, named: list[AtStrength]) -> list[AtStrength]:
    """At least two models: if none is named, the newest result; if one is named, its base comes first."""
    if not named:
        named = [AtStrength(name) for name in artifact_lists.model_names(user)[:1]]
    if len(named) != 1:
        return named or [AtStrength(proposed.base(user).name)] * 2
    try:
        return [AtStrength(chains.of(artifacts.get(user, named[0].name)).before), *named]
    except NotFound:
        return named * 2


def show_panes(n: int | float) -> list[Any]:
    """The first `n` panes."""
    return [gr.update(visible=i < int(n)) for i in range(PANES)]


def emptied(notice: str = "", prompt: Any = None) -> list[Any]:
    """Panes without a conversation; the box keeps its text unless there is a `prompt` for it."""
    box = gr.skip() if prompt is None else prompt
    chats = [panes.conversation([])] * PANES
    return [notice, box, ready(), "", "" if prompt is None else gr.skip(), *chats, *[""] * PANES]


def anew(prompt: str, kept: str, n: int | float, *asked: Any) -> list[Any]:
    """After a change of the panes: start all of them anew, with the last message back in the box.

    Nothing happens before the first message, or when a pane is taken away.
    """
    if conversations.goes_on(kept, panes.at_strengths(asked, n)):
        notice = "" if kept else gr.skip()  # that they started anew stays true while a slider moves on
        return [notice, *[gr.skip()] * (4 + 2 * PANES)]
    return emptied(html("done", sentence=ANEW), prompt or conversations.last_message(kept))


def show_heads(request: gr.Request, *asked: Any) -> list[Any]:
    """The chat server's facts about each pane's model."""
    user = acting(request)
    told = {model.name: model.studio for model in chat_client.models(user)}
    read = [at_strength.read(model) if model else None for model in panes.at_strengths(asked)]
    return [gr.skip(), *(panes.header(told.get(one.name), *one) if one else "" for one in read)]


def propose(request: gr.Request, typed: str, alone: bool, proposed: tuple[str, bool], *models: str) -> list[Any]:
    """The chosen models' instruction, and single turns if they answer with labels; what the reader changed stays."""
    user = acting(request)
    found = (chat_opening.instruction(user, models), chat_opening.gives_labels(user, models))
    are_proposed = [now == before for now, before in zip((typed or "", alone), proposed, strict=True)]
    shown = [new if is_proposed else gr.skip() for new, is_proposed in zip(found, are_proposed, strict=True)]
    last = [new if is_proposed else old for new, old, is_proposed in zip(found, proposed, are_proposed, strict=True)]
    return [gr.skip(), *shown, tuple(last)]
