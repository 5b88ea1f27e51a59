"""Authentication: one guard in front of REST, pages, their files and their websockets.

- A loopback address without accounts: everybody is the local user, and the `Host` header
  must name this machine, so that a foreign page can't reach the studio by rebinding its DNS name.
- Accounts exist: HTTP Basic, with slow checks remembered for minutes and failures counted.
- Any other address without accounts: the studio does not start, and refuses if started anyhow.
- A request that changes something must come from the studio's own pages or from no page at all.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import time
from collections import defaultdict, deque
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app import notify
from storage import users
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput, StudioError

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
REMEMBERED_S = 300.0
ACCOUNTS_FRESH_S = 2.0
FAILURES_PER_NAME = 10
FAILURES_PER_ADDRESS = 30
WINDOW_S = 60.0
MAKE_AN_ACCOUNT = "Make an account first (`studio users add NAME`), or bind to 127.0.0.1."


class Refused(StudioError):
    """The guard rejected the request."""

    exit_code = 2
    http_status = 403
    code = "refused"


class LoginNeeded(Refused):
    """The name or password is missing or wrong."""

    http_status = 401
    code = "login_needed"


class TooManyFailures(Refused):
    """There were too many wrong passwords recently."""

    http_status = 429
    code = "too_many_failures"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server bound to `host`."""
    if host.lower() in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_bind(host: str) -> None:
    """Raise `BadInput` if other machines could reach a studio without passwords."""
    if not is_loopback(host) and not users.any_accounts():
        raise BadInput(
            f"Other machines can reach the studio at {host}, but it has no accounts.",
            code="accounts_needed",
            remedy=MAKE_AN_ACCOUNT,
        )


def acting(request: Request) -> User:
    """The user whom the guard found for this request."""
    user: User = request.scope["studio_user"]
    return user


class Failures:
    """Wrong passwords of the last minute, by name and address and by address."""

    def __init__(self) -> None:
        self._times: dict[tuple[str, ...], deque[float]] = defaultdict(deque)

    def check(self, name: str, address: str) -> None:
        """Raise `TooManyFailures` when this name or address has failed too often."""
        since = time.monotonic() - WINDOW_S
        for key in [key for key, times in self._times.items() if times[-1] < since]:
            del self._times[key]
        for key, most in (((name, address), FAILURES_PER_NAME), ((address,), FAILURES_PER_ADDRESS)):
            if sum(at >= since for at in self._times.get(key, ())) >= most:
                raise TooManyFailures("Too many wrong passwords.", remedy=f"Wait {WINDOW_S:.0f} seconds.")

    def add(self, name: str, address: str) -> None:
        """Count one more."""
        for key in ((name, address), (address,)):
            self._times[key].append(time.monotonic())

    def forgive(self, name: str, address: str) -> None:
        """Undo the count for a check that passed."""
        for key in ((name, address), (address,)):
            if times := self._times.get(key):
                times.pop()
                if not times:
                    del self._times[key]


class Guard:
    """ASGI middleware that identifies the user and rejects everybody else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.failures = Failures()
        self._key = os.urandom(32)
        self._verified: dict[bytes, tuple[User, float]] = {}
        self._checking: dict[bytes, asyncio.Future[User]] = {}
        self._local: User | None = None
        self._accounts: tuple[bool, float] = (False, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        try:
            scope["studio_user"] = await self._admitted(HTTPConnection(scope))
        except Exception as error:  # any failure means no access
            await _turn_away(notify.told(error), scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _admitted(self, connection: HTTPConnection) -> User:
        _check_origin(connection)
        if await self._accounts_exist():
            return await self._logged_in(connection)
        server = connection.scope.get("server")
        if server and not is_loopback(server[0]):
            raise Refused("This studio has no accounts and answers on this machine only.", remedy=MAKE_AN_ACCOUNT)
        _check_host(connection)
        if self._local is None:
            self._local = await to_thread.run_sync(users.local)
        return self._local

    async def _accounts_exist(self) -> bool:
        exist, until = self._accounts
        if not exist and time.monotonic() >= until:
            exist = await to_thread.run_sync(users.any_accounts)
            self._accounts = (exist, time.monotonic() + ACCOUNTS_FRESH_S)
        return exist

    async def _logged_in(self, connection: HTTPConnection) -> User:
        name, password = _credentials(connection.headers.get("authorization", ""))
        digest = hmac.digest(self._key, f"{name}\0{password}".encode(), hashlib.sha256)
        known = self._verified.get(digest)
        if known and known[1] > time.monotonic():
            return known[0]
        address = connection.client.host if connection.client else ""
        if digest not in self._checking:  # a page's many requests are one check, not many guesses
            check = asyncio.ensure_future(self._check(name, password, address))
            self._checking[digest] = check
            check.add_done_callback(lambda _: self._checking.pop(digest))
        user = await asyncio.shield(self._checking[digest])
        self._verified = {k: v for k, v in self._verified.items() if v[1] > time.monotonic()}
        self._verified[digest] = (user, time.monotonic() + REMEMBERED_S)
        return user

    async def _check(self, name: str, password: str, address: str) -> User:
        self.failures.check(name, address)
        self.failures.add(name, address)  # before the slow check, so that a burst can't outrun the count
        user = await to_thread.run_sync(users.with_password, name, password)
        if user is None:
            raise LoginNeeded("The name or the password is wrong.")
        self.failures.forgive(name, address)
        return user


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise LoginNeeded("Log in with your name and password.")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise LoginNeeded("The login can't be read.") from error
    if not colon:
        raise LoginNeeded("The login can't be read.")
    return name, password


def _host_name(host: str) -> str:
    return (urlsplit(f"//{host}").hostname or "").lower()


def _check_host(connection: HTTPConnection) -> None:
    allowed = {name.strip().lower() for name in settings().allowed_hosts.split(",")}
    name = _host_name(connection.headers.get("host", ""))
    if not name or not (is_loopback(name) or name in allowed):
        raise Refused(
            f"This studio does not answer to the name “{name[:100]}”.",
            code="unknown_host",
            remedy="Open http://127.0.0.1 instead, or list the name in STUDIO_ALLOWED_HOSTS.",
        )


def _check_origin(connection: HTTPConnection) -> None:
    if connection.scope["type"] == "http" and connection.scope["method"] in READING:
        return
    origin = connection.headers.get("origin")
    foreign = connection.headers.get("sec-fetch-site") == "cross-site"
    if origin is not None:
        host = connection.headers.get("host", "").lower()
        foreign = foreign or _without_default_port(urlsplit(origin).netloc.lower()) != _without_default_port(host)
    if foreign:
        raise Refused("Another site's page may not change anything here.", code="foreign_origin")


def _without_default_port(netloc: str) -> str:
    return netloc.removesuffix(":80").removesuffix(":443")


async def _turn_away(error: StudioError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers: dict[str, Any] = {"Connection": "close"}
    if isinstance(error, LoginNeeded):
        headers["WWW-Authenticate"] = 'Basic realm="Adaptation Studio", charset="UTF-8"'
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = f"{WINDOW_S:.0f}"
    response = JSONResponse(error.as_dict(), status_code=error.http_status, headers=headers)
    await response(scope, receive, send)
