"""The parts of the Data page by name, in the order in which its handlers give them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from app.pages import data_form
from app.pages.mapping import SLOTS

HEAD = ["alert", "arrival", "detail", "manage", "subject", "title", "name", "held_out_file"]
MAPPED = ["shape", *(f"slot{i}" for i in range(SLOTS)), *(f"more{i}" for i in range(SLOTS))]
BESIDE = ["lead", *(f"why{i}" for i in range(SLOTS)), "facts", "offer", "switch", "fit", "leave_out", "replace"]
TOLD = [*BESIDE, "first_rows", "columns", "remarks", "instruction", "proposed"]


def opened(request: gr.Request) -> dict[str, Any]:
    """The file or dataset that the page's address names."""
    return dict(zip([*HEAD, *MAPPED, *TOLD, "base", "listing"], data_form.open_page(request), strict=True))


def afresh(shown: list[Any]) -> dict[str, Any]:
    """What came of another shape, or of the button."""
    return dict(zip(["alert", *MAPPED, *TOLD, "index"], shown, strict=True))


def remapped(shown: list[Any]) -> dict[str, Any]:
    """What came of another column."""
    return dict(zip(["alert", *TOLD, "index"], shown, strict=True))
