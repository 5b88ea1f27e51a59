"""Cookies that show that somebody has logged in from a browser before.

A cookie lets nobody in. It only takes the browser out of the limits that strangers share, so that guessing from
elsewhere can't lock out the account's owner (OWASP: "Slow Down Online Guessing Attacks with Device Cookies").
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from storage.settings import secret

COOKIE = "studio_device"
KEPT_S = 180 * 24 * 3600


def issue() -> str:
    """A new device's random id."""
    return secrets.token_urlsafe(16)


def header(name: str, device: str, *, secure: bool) -> str:
    """The `Set-Cookie` header that marks a browser as this device of the user `name`."""
    flags = f"Path=/; Max-Age={KEPT_S}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    return f"{COOKIE}={device}.{_signature(name, device)}; {flags}"


def known(name: str, cookies: Mapping[str, str]) -> str | None:
    """The id of the device that sends these cookies, if `name` has logged in there before."""
    device, _, signature = cookies.get(COOKIE, "").partition(".")
    fits = hmac.compare_digest(signature.encode(), _signature(name, device).encode())
    return device if device and fits else None


def _signature(name: str, device: str) -> str:
    return hmac.digest(secret("device").encode(), f"{device}\0{name}".encode(), hashlib.sha256).hex()
