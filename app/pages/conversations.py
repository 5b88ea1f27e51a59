"""The conversations of a comparison's panes, as the browser keeps them between two messages.

All panes of a comparison start together. Once a pane has another model, or one is added, the panes would no
longer have been asked the same, so all of them start anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from templates.errors import BadInput

Talk = list[dict[str, str]]
"""One pane's conversation: role and content of each turn, the reasoning before an answer, and the probabilities of
labels as JSON."""


def written(talks: Sequence[Talk], models: Sequence[str]) -> str:
    """The conversations of the panes with these models, for the browser to keep."""
    return json.dumps({"models": list(models), "talks": list(talks)})


def read(kept: str, models: Sequence[str], n: int) -> list[Talk]:
    """The conversations of `n` panes; all empty unless the visible ones still have the same models.

    `models` are those of the visible panes. Turns that were never answered are left out.
    """
    asked, talks = _read(kept)
    same = list(models) == asked[: len(models)]
    return [*map(answered, talks if same else []), *([] for _ in range(n))][:n]


def goes_on(kept: str, models: Sequence[str]) -> bool:
    """Whether the next message to these models continues the conversations, or nothing was said yet."""
    asked, talks = _read(kept)
    return not any(talks) or list(models) == asked[: len(models)]


def last_message(kept: str) -> str:
    """The last message that was sent to all panes; empty if there is none."""
    _, talks = _read(kept)
    return next((turn["content"] for talk in talks for turn in reversed(talk) if turn["role"] == "user"), "")


def _read(kept: str) -> tuple[list[str], list[Talk]]:
    try:
        given = json.loads(kept) if kept else {"models": [], "talks": []}
        return [str(model) for model in given["models"]], [[_turn(turn) for turn in talk] for talk in given["talks"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("The conversations can't be read.", remedy="Press “Start over”.") from error


def _turn(given: Mapping[str, Any]) -> dict[str, str]:
    turn = {"role": str(given["role"]), "content": str(given["content"])}
    return turn | {name: str(given[name]) for name in ("reasoning", "labels") if given.get(name)}


def answered(talk: Talk) -> Talk:
    """The conversation without questions that got neither an answer nor any reasoning."""
    pairs = zip(talk[::2], talk[1::2], strict=False)
    kept = [pair for pair in pairs if pair[1]["content"] or pair[1].get("reasoning")]
    return [turn for pair in kept for turn in pair]


def sent(talk: Talk) -> list[dict[str, str]]:
    """The turns for the chat server: without reasoning, and without questions that got no answer."""
    n_opening = next((n for n, turn in enumerate(talk) if turn["role"] == "user"), 0)
    opening, earlier, question = talk[:n_opening], talk[n_opening:-1], talk[-1]
    pairs = zip(earlier[::2], earlier[1::2], strict=False)
    kept = [turn for asked, answer in pairs if answer["content"] for turn in (asked, answer)]
    return [{"role": turn["role"], "content": turn["content"]} for turn in (*opening, *kept, question)]
