"""Forwarded headers: those of the configured proxies count, everybody else's are dropped.

Without this, a client could choose its own address with `X-Forwarded-For`, and uvicorn would believe it from
loopback.
"""

from __future__ import annotations

from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from storage.settings import settings

UNTRUSTED = (b"x-forwarded-", b"forwarded", b"x-real-ip")
"""How the names of these headers begin. Gradio reads some, too, to find out its own address."""


class TrustedProxies:
    """ASGI middleware: client and scheme as a trusted proxy reports them, else as they connected."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        forwarded = ProxyHeadersMiddleware(cast(Any, app), settings().proxies)
        self._trusted, self._forwarded = forwarded.trusted_hosts, cast(ASGIApp, forwarded)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            client = scope.get("client")
            if client and client[0] in self._trusted:
                await self._forwarded(scope, receive, send)
                return
            kept = [(name, value) for name, value in scope["headers"] if not name.lower().startswith(UNTRUSTED)]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)
