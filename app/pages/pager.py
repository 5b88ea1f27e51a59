"""The buttons that turn a list's pages, and the place that they lead to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from storage.listing import Page, Place


@dataclass(frozen=True)
class Pager:
    """Two buttons, and the ids after which the second, the third … page began."""

    newer: gr.Button
    older: gr.Button
    trail: gr.Textbox


def draw(prefix: str) -> Pager:
    """Both buttons, hidden until there is a page to turn to."""
    with gr.Row(elem_classes="ways"):
        newer = gr.Button("‹ Newer", size="sm", visible=False, elem_id=f"{prefix}-newer")
        older = gr.Button("Older ›", size="sm", visible=False, elem_id=f"{prefix}-older")
    return Pager(newer, older, gr.Textbox(visible=False))


def place(trail: str, limit: int) -> Place:
    """Where the page begins."""
    steps = (trail or "").split()
    return Place(limit, steps[-1] if steps else None)


def number(trail: str) -> int:
    """The page's number; 1 is the first."""
    return len((trail or "").split()) + 1


def back(trail: str) -> str:
    """The trail to the page before."""
    return " ".join((trail or "").split()[:-1])


def further(trail: str, page: Page[Any]) -> str:
    """The trail to the page after this one."""
    return f"{trail or ''} {page.after or ''}".strip()


def buttons(trail: str, page: Page[Any]) -> list[Any]:
    """Which of the two buttons lead somewhere."""
    return [gr.update(visible=bool(trail)), gr.update(visible=page.after is not None)]
