"""The name of a training's result: it follows what is chosen until the reader edits it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.pages import choices
from app.pages.filled import Filled
from app.pages.who import acting
from storage import model_names
from storage.models import User

DATA_SHOWN = 50
"""Characters of the data's name in the result's."""


def proposed(user: User, data: str, way: str) -> str:
    """A free name made from the data and the method or named recipe."""
    stem = f"{data[:DATA_SHOWN]}-{way.removeprefix(choices.RECIPE)}"
    return model_names.free(user, stem)


def follow(request: gr.Request, filled: dict[str, Any], name: str, last: str) -> list[Any]:
    """The name for what is chosen now, and what was proposed; `last` was proposed before, "" if nothing was."""
    if not filled:
        return [gr.skip()] * 3
    form = Filled(**filled)
    now = proposed(acting(request), form.data, form.method)
    is_ours = (name or "").strip() in ("", last or now)
    return [gr.skip(), now if is_ours else gr.skip(), now if is_ours else last or now]
