"""A service at an address, as forms ask for it: where texts may be sent, and the keys that are there."""

from __future__ import annotations

from markupsafe import Markup

from app.markup import html
from storage import endpoints, users
from storage.models import User
from storage.settings import settings


def where(user: User, sent: str) -> Markup:
    """What is sent, a sentence, which addresses are allowed, and which of the user's keys are stored."""
    listed = settings().endpoints
    may = f"Allowed addresses: {', '.join(listed)}." if listed else ""
    if not listed and users.any_accounts():
        may = "No administrator has allowed an address yet (STUDIO_ALLOWED_ENDPOINTS)."
    keys = endpoints.origins_with_key(user)
    have = f"You have keys for {', '.join(keys)}." if keys else ""
    return html("quiet", words=" ".join(filter(None, (sent, may, have))))
