"""A service at an address, as forms ask for it: where texts may be sent, and the keys that are there."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from app.markup import html
from storage import endpoints, users
from storage.models import User
from storage.settings import settings


def address(url: str, named: str, key: str) -> tuple[gr.Textbox, gr.Textbox, gr.Textbox]:
    """The service's address, its name for the model, and the user's key, side by side, under these element ids."""
    with gr.Row():
        return (
            gr.Textbox(label="Address", placeholder="https://api.example.com/v1", min_width=220, elem_id=url),
            gr.Textbox(label="The service’s name for the model", min_width=160, elem_id=named),
            gr.Textbox(
                label="Your key", info="Kept encrypted; leave it empty to use the stored one.", type="password",
                min_width=160, elem_id=key,
            ),
        )  # fmt: skip


def where(user: User, sent: str) -> Markup:
    """What is sent, a sentence, which addresses are allowed, and which of the user's keys are stored."""
    listed = settings().endpoints
    may = f"Allowed addresses: {', '.join(listed)}." if listed else ""
    if not listed and users.any_accounts():
        may = "No administrator has allowed an address yet (STUDIO_ALLOWED_ENDPOINTS)."
    keys = endpoints.origins_with_key(user)
    have = f"You have keys for {', '.join(keys)}." if keys else ""
    return html("quiet", words=" ".join(filter(None, (sent, may, have))))
