"""The reference of the REST interface as one page of our own: it loads nothing from anywhere."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from templates.errors import NotFound

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8884; border-radius: 4px; }
section { border-top: 1px solid #8884; padding: .5rem 0; }
h2 { font-size: 1rem; margin: .25rem 0; }
:root { color-scheme: light dark; }
"""


def install(app: FastAPI) -> None:
    """Add the page, and an answer for REST paths that do not exist."""

    @app.get("/api/docs", include_in_schema=False)
    def reference() -> HTMLResponse:
        """The page."""
        return HTMLResponse(page(app.openapi()))

    @app.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    def unknown(path: str) -> None:
        """Everything else under /api."""
        raise NotFound(f"There is no /api/{path[:200]}.", remedy="See /api/docs.")


def page(schema: dict[str, Any]) -> str:
    """An OpenAPI document as plain HTML."""
    sections = [
        _section(method, path, operation)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]
    shapes = [_shape(name, shape) for name, shape in schema.get("components", {}).get("schemas", {}).items()]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>REST reference</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(schema['info']['title'])}: REST reference</h1>"
        '<p>The same as a document: <a href="/api/openapi.json">/api/openapi.json</a>. Errors have the form '
        '<code>{"error": {"code", "message", "problems": [{"message", "file", "row", "field", "remedy"}]}}</code>.</p>'
        f"{''.join(sections)}<h1>Documents</h1>{''.join(shapes)}</body></html>"
    )


def _section(method: str, path: str, operation: dict[str, Any]) -> str:
    given = "".join(
        f"<li><code>{escape(p['name'])}</code> in {escape(p['in'])}{' (needed)' if p.get('required') else ''}</li>"
        for p in operation.get("parameters", ())
    )
    bodies = [
        content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    body = "".join(f"<p>Body: <a href='#{escape(name)}'>{escape(name)}</a></p>" for name in bodies if name)
    return (
        f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p><ul>{given}</ul>{body}</section>"
    )


def _shape(name: str, shape: dict[str, Any]) -> str:
    needed = shape.get("required", [])
    rows = "".join(
        f"<li><code>{escape(field)}</code>: {escape(_kind(about))}{' (needed)' if field in needed else ''}</li>"
        for field, about in shape.get("properties", {}).items()
    )
    return f"<section id='{escape(name)}'><h2>{escape(name)}</h2><ul>{rows}</ul></section>"


def _kind(about: dict[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(_kind(each) for each in about["anyOf"])
    return str(about.get("type") or about.get("$ref", "").rpartition("/")[2] or "anything")
