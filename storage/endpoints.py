"""Addresses of services that speak OpenAI's protocol: which may be asked, and each person's keys for them.

`STUDIO_ALLOWED_ENDPOINTS` lists them. Without it, a studio without accounts may ask any address, and one with
accounts none. A key belongs to one origin (scheme, host and port) and is sent nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from storage import credentials, users
from storage.models import User
from storage.settings import PUBLIC_ENDPOINTS, settings
from templates.errors import BadInput, NotAllowed, Problem, StudioError

PATH = "/chat/completions"
MAX_CHARS = 500
_KEY = "endpoint "


@dataclass(frozen=True)
class Endpoint:
    """The base address of a service, such as `https://api.example.com/v1`."""

    url: str
    """Without a slash at its end."""

    @property
    def host(self) -> str:
        """The host's name or number."""
        return urlsplit(self.url).hostname or ""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return _origin(self.url)

    @property
    def service(self) -> str:
        """The name under which `storage.credentials` keeps a person's key for it."""
        return f"{_KEY}{self.origin}"


def parse(text: str) -> Endpoint:
    """The endpoint at this address; the protocol's own path at its end is left out. Raises `BadInput`."""
    url = text.strip().rstrip("/").removesuffix(PATH).rstrip("/")
    if flaw := _flaw(url):
        remedy = "Give the service’s base address, such as https://api.example.com/v1."
        raise BadInput(Problem(flaw, field="endpoint", remedy=remedy))
    return Endpoint(url)


def _flaw(url: str) -> str:
    if not url or len(url) > MAX_CHARS or any(c.isspace() or not c.isprintable() for c in url):
        return "is not an address."
    try:
        parts = urlsplit(url)
        _ = parts.port, httpx.URL(url).host  # raise for what is no port or no host
    except (ValueError, httpx.InvalidURL):
        return "is not an address."
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "must begin with https:// or http:// and a host."
    if parts.username is not None or parts.password is not None:
        return "must not contain a password: store it as a key."
    return "must not contain ? or #." if parts.query or parts.fragment else ""


def refuse_forbidden(endpoint: Endpoint) -> bool:
    """Whether only an address in public networks may be asked. Raises `NotAllowed` if this one may not be at all."""
    listed = settings().endpoints
    if not listed and not users.any_accounts():
        return False
    if any(_covers(entry, endpoint.url) for entry in listed if entry != PUBLIC_ENDPOINTS):
        return False
    if PUBLIC_ENDPOINTS in listed and endpoint.url.startswith("https://") and not _is_private_number(endpoint.host):
        return True
    known = ", ".join(listed) or "none"
    raise NotAllowed(
        Problem(
            f"No administrator has allowed the address {endpoint.url}.",
            field="endpoint",
            remedy=f"Allowed are: {known}. An administrator can add it to STUDIO_ALLOWED_ENDPOINTS.",
        )
    )


def _covers(entry: str, url: str) -> bool:
    path, allowed = urlsplit(url).path, urlsplit(entry).path.rstrip("/")
    segments = path.split("/")
    inside = path == allowed or path.startswith(f"{allowed}/")
    return _origin(entry) == _origin(url) and inside and not {".", ".."} & set(segments) and "%" not in path


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    host = (parts.hostname or "").rstrip(".")
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _is_private_number(host: str) -> bool:
    try:
        number = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = number.ipv4_mapped if isinstance(number, ipaddress.IPv6Address) else None
    return not (mapped or number).is_global


def public_number(endpoint: Endpoint) -> str:
    """The host's number, after a check that all its numbers are in public networks. Raises `StudioError`.

    Whoever connects must use this number: the name may lead elsewhere a moment later.
    """
    port = urlsplit(endpoint.url).port or 443
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(endpoint.host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        what = f"There is no host {endpoint.host}, or this machine can't look up names."
        raise StudioError(what, code="unreachable", remedy="Check the address.") from error
    if any(_is_private_number(number.partition("%")[0]) for number in found):
        raise NotAllowed(
            f"{endpoint.host} is in a private network, which no administrator has allowed.",
            remedy="An administrator can add the address itself to STUDIO_ALLOWED_ENDPOINTS.",
        )
    return found[0]


def key_of(user: User, endpoint: Endpoint) -> SecretStr | None:
    """The user's key for this service; None if there is none. Raises `StudioError` if it can't be read."""
    return credentials.token(user.id, endpoint.service)


def keep_key(user: User, endpoint: Endpoint, key: str) -> None:
    """Store the user's key for this service. Raises `BadInput` for an unusable key, `NotAllowed` for the address."""
    refuse_forbidden(endpoint)
    credentials.keep(user.id, endpoint.service, key)


def forget_key(user: User, endpoint: Endpoint) -> bool:
    """Delete the user's key for this service; returns whether there was one."""
    return credentials.forget(user.id, endpoint.service)


def origins_with_key(user: User) -> list[str]:
    """The origins for which the user has stored a key."""
    return [name.removeprefix(_KEY) for name in credentials.services(user.id) if name.startswith(_KEY)]
