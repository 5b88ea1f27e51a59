"""Files that browsers have sent and no page has taken yet: each belongs to the person who sent it.

Gradio keeps them in folders named by their content and hands them to whoever knows the path. So every file moves
into a folder that carries its owner's id as soon as it has arrived, and a path is only good for its owner.
"""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from storage import users
from storage.models import User
from storage.settings import settings
from templates.errors import NotFound

UPLOAD = "/gradio_api/upload"
_FILE = re.compile(r"/file[=/](.+)$", re.DOTALL)


def is_of(user: User, path: Path) -> bool:
    """Whether a file of the inbox is this person's; without accounts, all of them are."""
    if user.name == users.LOCAL:
        return True
    inbox, place = settings().inbox.resolve(), path.resolve()
    return place.is_relative_to(inbox) and place.relative_to(inbox).parts[0].startswith(f"{user.id}-")


def keep(user: User, path: Path) -> Path:
    """Move a file that has just arrived to its owner; returns its new place."""
    folder = settings().inbox / f"{user.id}-{secrets.token_hex(16)}"
    folder.mkdir(mode=0o700)
    return path.rename(folder / path.name)


class OwnFiles:
    """ASGI middleware: what somebody sends through a page is theirs, and nobody else can ask for it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["method"] == "POST" and scope["path"].endswith(UPLOAD):
            await self.app(scope, receive, _Answer(scope["studio_user"], send).send)
        elif self._is_foreign(scope):
            error = NotFound("There is no such file.")
            await JSONResponse(error.as_dict(), status_code=error.http_status)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        named = _FILE.search(scope["path"])
        if named is None:
            return False
        path = Path(named[1]).resolve()
        return path.is_relative_to(settings().inbox.resolve()) and not is_of(scope["studio_user"], path)


class _Answer:
    """Gradio's answer to an upload, which lists the files' paths; sent on with those of their new places."""

    def __init__(self, user: User, send: Send) -> None:
        self._user, self._send = user, send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            self._start = message
        elif message["type"] != "http.response.body" or self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        paths: list[str] = [str(keep(self._user, Path(path))) for path in json.loads(self._body)]
        body = json.dumps(paths).encode()
        headers: list[Any] = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await self._send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})
