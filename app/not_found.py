"""Answers a browser that asks for a page which doesn't exist with a page; everybody else gets JSON."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from app import markup, theme
from templates.shortened import shortened

SHOWN = 120
"""Characters of the asked address that the page repeats."""
USED = {
    "ink": "body_text_color",
    "paper": "body_background_fill",
    "quiet": "body_text_color_subdued",
    "line": "border_color_primary",
    "link": "link_text_color",
}


def install(app: FastAPI, pages: Sequence[tuple[str, str]]) -> None:
    """Show the page instead of the JSON that `app` would send; `pages` are titles and paths for the way on."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        reads_pages = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
        if not reads_pages:
            return await http_exception_handler(request, error)
        colours = {name: theme.COLOURS[key] for name, key in USED.items()}
        shown = markup.document("not_found", asked=shortened(request.url.path, SHOWN), pages=pages, colours=colours)
        return HTMLResponse(shown, status_code=404)

    app.add_exception_handler(404, answer)
