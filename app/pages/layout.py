"""What every page has: its place in the navigation, its heading and its alert."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr
from gradio.components.navbar import Navbar

from app.formats import escaped

GO_JS = "(url) => { if (url) window.location.assign(url) }"
"""Takes the hidden address that a handler returned; an empty one means: stay."""


@contextmanager
def page(demo: gr.Blocks, title: str, path: str | None, lead: str = "") -> Iterator[gr.HTML]:
    """Open a page of `demo`, at its root when `path` is None; gives the alert at the page's top."""
    with demo if path is None else demo.route(title, path):
        Navbar(main_page_name="Start")
        gr.HTML(heading(title if path else lead, lead if path else ""), elem_classes="heading")
        yield gr.HTML(elem_id="alert", elem_classes="alerts")


def heading(title: str, lead: str = "") -> str:
    """A page's title and the sentence under it."""
    below = f"<p>{escaped(lead)}</p>" if lead else ""
    return f"<header><h1>{escaped(title)}</h1>{below}</header>"


def address() -> gr.Textbox:
    """A hidden box for the address to go to next; see `GO_JS`."""
    return gr.Textbox(visible=False, label="Next address")


def empty(sentence: str, link: str = "", link_text: str = "") -> str:
    """What an empty list says: what will be here, and the way to it."""
    way = f'<p><a class="button primary" href="{link}">{escaped(link_text)}</a></p>' if link else ""
    return f'<div class="empty"><p>{escaped(sentence)}</p>{way}</div>'


def table(
    head: list[str], rows: list[list[str]], label: str, numbers: frozenset[int] = frozenset(), *, texts: bool = False
) -> str:
    """A table of cells that are already HTML.

    On a narrow screen it scrolls sideways inside itself; one of `texts` has its cells below one another there.
    """
    kind = "list texts" if texts else "list"
    cells = "".join(f'<th scope="col"{_right(i, numbers)}>{h}</th>' for i, h in enumerate(head))
    named = [_right(i, numbers) + (f' data-head="{h}"' if texts else "") for i, h in enumerate(head)]
    lines = "".join(
        "<tr>" + "".join(f"<td{name}>{cell}</td>" for name, cell in zip(named, row, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escaped(label)}">'
        f'<table class="{kind}"><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def _right(column: int, numbers: frozenset[int]) -> str:
    return ' class="number"' if column in numbers else ""


def free_name(stem: str, taken: set[str]) -> str:
    """`stem`, or the first of `stem-2`, `stem-3` … that is free."""
    if stem not in taken:
        return stem
    return next(name for i in range(2, len(taken) + 3) if (name := f"{stem}-{i}") not in taken)
