"""Authentication: one guard in front of REST, pages, their files and their websockets.

- A loopback address without accounts: everybody is the local user, and the `Host` header
  must name this machine, so that a foreign page can't reach the studio by rebinding its DNS name.
- Accounts exist: HTTP Basic, with slow checks remembered and failures counted (`app.login_limits`).
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
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from anyio import CancelScope, CapacityLimiter, to_thread
from anyio.lowlevel import checkpoint
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import devices, notify
from app.login_limits import LoginLimits, Origin, place_of
from app.refusals import LoginNeeded, Refused, TooManyFailures
from storage import db, users
from storage.models import User
from storage.settings import settings
from templates.errors import BadInput, StudioError

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
REMEMBERED_S = 12 * 3600.0
"""A login unused for this long is checked slowly again."""
FRESH_S = 1.0
"""A changed password, a removed account or a new administrator counts after this long."""
MOST_WAITING = 100
MAX_NAME_CHARS = 64
MAKE_AN_ACCOUNT = "Make an account first (`studio users add NAME`), or bind to 127.0.0.1."


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


class Login(NamedTuple):
    """A user who logged in with a password, as it was then."""

    user: User
    password_hash: str


class Guard:
    """ASGI middleware that identifies the user and rejects everybody else.

    A right password is checked slowly once for each browser, or for each address if it sends no cookies. It
    then lets in as long as the account has the same password. Elsewhere it is a guess like any other: if a
    remembered password let in from everywhere, an attacker could try passwords at full speed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.limits = LoginLimits()
        self._key = os.urandom(32)
        self._remembered: dict[tuple[bytes, str], tuple[Login, float]] = {}
        self._checking: dict[tuple[bytes, str], asyncio.Future[tuple[Login, str | None]]] = {}
        self._users: dict[str, tuple[User | None, float]] = {}
        self._local: User | None = None
        self._accounts: tuple[bool, float] = (False, 0.0)
        # Threads of their own: neither slow pages nor a flood of logins may keep people out.
        self._lookups, self._strangers, self._known = (CapacityLimiter(n) for n in (4, 2, 2))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        try:
            admitted, cookie = await self._admitted(HTTPConnection(scope))
        except Exception as error:  # any failure means no access
            await _turn_away(notify.told(error), scope, receive, send)
            return
        if not isinstance(admitted, Login):
            scope["studio_user"] = admitted
            await self.app(scope, receive, send)
            return
        scope["studio_user"] = admitted.user
        with CancelScope() as still_open:

            async def checked(message: Message) -> None:
                if message["type"] == "http.response.start" and cookie:
                    MutableHeaders(scope=message).append("Set-Cookie", cookie)
                if message["type"] == "http.response.body" and not await self._holds(admitted):
                    still_open.cancel()  # somebody changed the password or removed the account: end open streams
                    await checkpoint()
                await send(message)

            await self.app(scope, receive, checked)

    async def _admitted(self, connection: HTTPConnection) -> tuple[User | Login, str | None]:
        """The user, and the cookie to set, if any."""
        _check_origin(connection)
        if await self._accounts_exist():
            return await self._logged_in(connection)
        server = connection.scope.get("server")
        if server and not is_loopback(server[0]):
            raise Refused("This studio has no accounts and answers on this machine only.", remedy=MAKE_AN_ACCOUNT)
        _check_host(connection)
        if self._local is None:
            self._local = await to_thread.run_sync(users.local, limiter=self._lookups)
        return self._local, None

    async def _accounts_exist(self) -> bool:
        exist, until = self._accounts
        if not exist and time.monotonic() >= until:
            exist = await to_thread.run_sync(users.any_accounts, limiter=self._lookups)
            self._accounts = (exist, time.monotonic() + FRESH_S)
        return exist

    async def _now(self, login: Login) -> Login | None:
        """The login with the user's present row; None if the password has changed or the account is gone."""
        name = login.user.name
        user, until = self._users.get(name, (None, 0.0))
        if time.monotonic() >= until:
            user = await to_thread.run_sync(users.find, name, limiter=self._lookups)
            self._users[name] = (user, time.monotonic() + FRESH_S)
        same = user is not None and user.id == login.user.id and user.password_hash == login.password_hash
        return login._replace(user=user) if user and same else None

    async def _holds(self, login: Login) -> bool:
        try:
            return await self._now(login) is not None
        except db.AWAY:
            return True  # the database can't tell, and this request was let in

    async def _logged_in(self, connection: HTTPConnection) -> tuple[Login, str | None]:
        name, password = _credentials(connection.headers.get("authorization", ""))
        address = place_of(connection.client.host if connection.client else "")
        origin = Origin(name, address, devices.known(name, connection.cookies))
        place = (hmac.digest(self._key, f"{name}\0{password}".encode(), hashlib.sha256), "\0".join(origin.own))
        if place in self._remembered:
            if not origin.device:
                self.limits.check_own(origin)
            if kept := await self._now(self._remembered[place][0]):
                self._remembered[place] = (kept, time.monotonic())
                return kept, None
            self._remembered.pop(place, None)
        if place not in self._checking:  # a page's many requests are one check, not many guesses
            check = asyncio.ensure_future(self._check(origin, password))
            self._checking[place] = check
            check.add_done_callback(lambda _: self._checking.pop(place))
        login, device = await asyncio.shield(self._checking[place])
        self._remember(place[0], origin, login, device)
        secure = connection.scope["scheme"] in ("https", "wss")
        return login, devices.header(name, device, secure=secure) if device else None

    def _remember(self, digest: bytes, origin: Origin, login: Login, device: str | None) -> None:
        now = time.monotonic()
        self._remembered = {key: kept for key, kept in self._remembered.items() if kept[1] > now - REMEMBERED_S}
        for where in (origin, origin._replace(device=device or origin.device)):
            self._remembered[digest, "\0".join(where.own)] = (login, now)

    async def _check(self, origin: Origin, password: str) -> tuple[Login, str | None]:
        """The login, and a new device's id unless it came from a known one."""
        threads = self._known if origin.device else self._strangers
        if threads.statistics().tasks_waiting >= MOST_WAITING:
            raise TooManyFailures("Too many people are logging in.", remedy="Try again in a minute.")
        await self.limits.admit(origin)
        user = await to_thread.run_sync(users.with_password, origin.name, password, limiter=threads)
        if user is None or user.password_hash is None:
            raise LoginNeeded("The name or the password is wrong.")
        self.limits.forgive(origin)
        self._users.pop(user.name, None)
        return Login(user, user.password_hash), None if origin.device else devices.issue()


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise LoginNeeded("Log in with your name and password.")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise LoginNeeded("The login can't be read.") from error
    if not colon or "\0" in name or len(name) > MAX_NAME_CHARS:
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
        headers["Retry-After"] = f"{error.retry_after_s:.0f}"
    response = JSONResponse(error.as_dict(), status_code=error.http_status, headers=headers)
    await response(scope, receive, send)
