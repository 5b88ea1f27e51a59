"""Label Studio's JSON export: tasks with their `data`, and `annotations` with the choices made.

Uses the first of several annotations; a task without one has no label.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from storage.data.intake.layout import Layout

CHOSEN = ("choices", "text", "rating")
"""Keys of an annotation's value that hold what was chosen or written."""


def _fits(values: Mapping[str, Any]) -> bool:
    annotations = values.get("annotations")
    return (
        isinstance(values.get("data"), dict)
        and isinstance(annotations, list)
        and all(isinstance(one, dict) and isinstance(one.get("result"), list) for one in annotations)
    )


def _rows(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    row = {"id": values.get("id"), **values["data"]}
    results = values["annotations"][0]["result"] if values["annotations"] else []
    for result in results:
        value, name = (result.get("value"), result.get("from_name")) if isinstance(result, dict) else (None, None)
        if isinstance(value, dict) and isinstance(name, str):
            row[name] = next((value[key] for key in CHOSEN if key in value), value)
    yield row


SPEC = Layout(
    title="Label Studio",
    says="Laid out as Label Studio's export: each task is a row, with the choices of its first annotation.",
    fits=_fits,
    rows=_rows,
)
