"""Parts of every page: its place in the navigation, its heading and its alert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import gradio as gr
from gradio.components.navbar import Navbar
from markupsafe import Markup

from app.markup import html

GO_JS = "(url) => window.studioStep(url)"
"""Goes to the hidden address that a handler returned, and takes the focus there; stays if it is empty."""

GO_SAYING_JS = "(url, said) => window.studioStep(url, said)"
"""The same; the next page shows the message that this one's alert holds."""

BUTTONS_JS = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-do]');
  if (button) trigger('click', {does: button.dataset.do, which: button.dataset.which});
});
"""
"""For HTML with buttons: tells the handler of its `click`, as `EventData`, which one was pressed."""


@contextmanager
def page(demo: gr.Blocks, title: str, path: str | None, lead: str = "", *, is_listed: bool = True) -> Iterator[gr.HTML]:
    """Open a page of `demo`, at its root if `path` is None; returns the alert at the page's top."""
    with demo if path is None else demo.route(title, path, show_in_navbar=is_listed):
        Navbar(main_page_name="Start")
        gr.HTML(heading(title if path else lead, lead if path else ""), elem_classes="heading")
        yield gr.HTML(elem_id="alert", elem_classes="alerts")


def heading(title: str, lead: str = "") -> Markup:
    """A page's title and the sentence under it."""
    return html("heading", title=title, lead=lead)


def section(title: str, words: str = "") -> Markup:
    """The heading of a section."""
    return html("section", title=title, words=words)


def address() -> gr.Textbox:
    """A hidden box for the address to go to next; see `GO_JS`."""
    return gr.Textbox(visible=False, label="Next address")


def empty(sentence: str, link: str = "", link_text: str = "") -> Markup:
    """The text of an empty list: what will be here, and how to get it."""
    return html("empty", sentence=sentence, link=link, link_text=link_text)


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    label: str,
    numbers: frozenset[int] = frozenset(),
    *,
    texts: bool = False,
) -> Markup:
    """A table; the columns in `numbers` are aligned to the right.

    On a narrow screen it scrolls sideways; a table of `texts` stacks its cells instead.
    """
    return html("table", head=head, rows=rows, label=label, numbers=numbers, texts=texts)
