"""Middleware around every request: a limit on body size, and security headers."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage import disk
from storage.settings import settings
from templates.errors import BadInput, StudioError
from templates.quantities import size

FORM_OVERHEAD_BYTES = 64 * 1024
DOCUMENT_BYTES = 1024 * 1024
UPLOADS = "/api/v1/uploads"
UPLOADS_END = ("/api/v1/uploads", "/gradio_api/upload")
"""The addresses that take files, for REST and for pages, whatever comes before them."""
REST = "/api/"
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)


class TooLarge(StudioError):
    """The request body exceeds the limit."""

    exit_code = 2
    http_status = 413
    code = "too_large"


def limit_of(path: str) -> int:
    """The largest body, in bytes, that a request to `path` may have."""
    if path.startswith(REST) and not path.startswith(UPLOADS):
        return DOCUMENT_BYTES
    return settings().max_upload_bytes + FORM_OVERHEAD_BYTES


class BodyLimit:
    """ASGI middleware: 413 for a body whose declared or actual size exceeds the limit, 507 for files without room."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            error = BadInput("An address can't contain NUL characters.")
            await JSONResponse(error.as_dict(), status_code=error.http_status)(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        said = Headers(scope=scope).get("content-length", "")
        if said.isdecimal() and int(said) > limit:
            await _refuse(too_large(limit), scope, receive, send)
            return
        if said.isdecimal() and scope["path"].endswith(UPLOADS_END) and int(said) > disk.free_bytes():
            await _refuse(disk.full(int(said)), scope, receive, send)
            return
        counted = _Counted(limit, receive, send)
        try:
            await self.app(scope, counted.receive, counted.send)
        except TooLarge:
            if not counted.exceeded:
                raise
        if counted.exceeded and not counted.answered:
            await _refuse(too_large(limit), scope, receive, send)


class _Counted:
    """A request's channels; counts its bytes, and sends none of the app's answer once there are too many."""

    def __init__(self, limit: int, receive: Receive, send: Send) -> None:
        self.limit, self.size, self.answered = limit, 0, False
        self._receive, self._send = receive, send

    @property
    def exceeded(self) -> bool:
        return self.size > self.limit

    async def receive(self) -> Message:
        message = await self._receive()
        self.size += len(message.get("body", b""))
        if self.exceeded:
            raise too_large(self.limit)
        return message

    async def send(self, message: Message) -> None:
        if self.exceeded and not self.answered:
            return
        self.answered = True
        await self._send(message)


def too_large(limit: int) -> TooLarge:
    """The error for more than `limit` bytes."""
    return TooLarge(
        f"The request is larger than {size(limit)}, the limit for one request.",
        remedy="Send less, or raise STUDIO_MAX_UPLOAD_BYTES for files.",
    )


async def _refuse(error: StudioError, scope: Scope, receive: Receive, send: Send) -> None:
    response = JSONResponse(error.as_dict(), status_code=error.http_status, headers={"Connection": "close"})
    await response(scope, receive, send)


class SecurityHeaders:
    """ASGI middleware: pages load nothing from other origins, can't be framed, and send no referrer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Content-Security-Policy"] = POLICY
                headers["Referrer-Policy"] = "same-origin"
                headers["X-Frame-Options"] = "SAMEORIGIN"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                if scope["path"].startswith(REST):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
