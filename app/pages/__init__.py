"""The pages of the studio, one file each, in one Gradio app that `app.main` mounts at `/`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app import gradio_startup, theme
from app.pages import blind, compare, data, gallery, jobs, layout, methods, models, runs, start, train, votes

MOUNT_OPTIONS: dict[str, Any] = {
    "theme": theme.theme(),
    "css_paths": [theme.CSS],
    "head": theme.HEAD,
    "footer_links": [],
    "run_history": False,
    "ssr_mode": False,
    "show_error": False,
    "allowed_paths": [],
    "pwa": False,
    "enable_monitoring": False,
}
"""For `gr.mount_gradio_app`, besides app, blocks, path, login and the limit on uploads."""

PAGES = (
    ("Start", None, start),
    ("Data", "data", data),
    ("Models", "models", models),
    ("Train", "train", train),
    ("Methods", "methods", methods),
    ("Jobs", "jobs", jobs),
    ("Runs", "runs", runs),
    ("Gallery", "gallery", gallery),
    ("Blind vote", "blind", blind),
    ("Votes", "votes", votes),
    ("Compare", "compare", compare),
)
"""Title, path and module; the order is that of the navigation."""
UNLISTED = ("runs", "methods", "blind", "votes")
"""Paths of pages that others lead to, and that the navigation doesn't list."""


def listed() -> list[tuple[str, str | None]]:
    """Title and path of every page in the navigation."""
    return [(title, path) for title, path, _ in PAGES if path not in UNLISTED]


def build() -> gr.Blocks:
    """The app with all its pages."""
    demo = gr.Blocks(title="Adaptation Studio", analytics_enabled=False)
    *before, last = PAGES
    with gradio_startup.without_web_app():
        for page in before:
            _add(demo, *page)
    _add(demo, *last)
    return demo


def _add(demo: gr.Blocks, title: str, path: str | None, page: Any) -> None:
    with layout.page(demo, title, path, page.LEAD, is_listed=path not in UNLISTED) as alert:
        page.build(demo, alert)
