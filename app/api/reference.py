"""The REST reference as one page that loads nothing external."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from app.markup import document
from templates.errors import NotFound


def install(app: FastAPI) -> None:
    """Add the page, and a 404 for unknown REST paths."""

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
    return document(
        "reference",
        title=schema["info"]["title"],
        operations=[
            (method.upper(), path, operation, _bodies(operation))
            for path, operations in schema["paths"].items()
            for method, operation in operations.items()
        ],
        documents=[(name, _fields(shape)) for name, shape in schema.get("components", {}).get("schemas", {}).items()],
    )


def _bodies(operation: dict[str, Any]) -> list[str]:
    """The documents that a request may contain."""
    contents = operation.get("requestBody", {}).get("content", {}).values()
    names = [content.get("schema", {}).get("$ref", "").rpartition("/")[2] for content in contents]
    return [name for name in names if name]


def _fields(shape: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """A document's fields: name, kind, and whether it is needed."""
    needed = shape.get("required", ())
    return [(field, _kind(about), field in needed) for field, about in shape.get("properties", {}).items()]


def _kind(about: dict[str, Any]) -> str:
    if "anyOf" in about:
        return " or ".join(_kind(each) for each in about["anyOf"])
    return str(about.get("type") or about.get("$ref", "").rpartition("/")[2] or "anything")
