"""The user of a page's event, and the parameters in the page's address."""

from __future__ import annotations

import gradio as gr

from storage import users
from storage.models import User
from templates.errors import StudioError


def acting(request: gr.Request) -> User:
    """The user whom the guard identified. Raises `StudioError` if no guard handled this event."""
    scope = getattr(request.request, "scope", None) or {}
    user = scope.get("studio_user")
    if isinstance(user, User):
        return user
    named = users.find(request.username) if request.username else None
    if named is None:
        raise StudioError("Nobody is logged in.", code="login_needed", remedy="Reload the page and log in.")
    return named


def asked(request: gr.Request, name: str) -> str:
    """The parameter `name` of the page's address; empty when it is not there. Several are joined by commas."""
    inner = getattr(request.request, "query_params", None)
    if inner is not None:
        return ",".join(inner.getlist(name))
    return str(dict(request.query_params or {}).get(name, ""))
