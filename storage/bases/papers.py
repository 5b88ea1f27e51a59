"""The licence's text in a model's folder, to be read by people."""

from __future__ import annotations

from storage.bases import base_models
from storage.models import BaseModelRow

LICENSES = ("LICENSE", "LICENSE.txt", "LICENSE.md")
MOST_BYTES = 200_000
"""Longer than every licence; the rest of a longer file is left out, and said."""


def license_text(row: BaseModelRow) -> str | None:
    """The text of the licence that came with the model's files; None without one.

    Raises `StudioError` if the files don't match the row.
    """
    folder = base_models.folder(row)
    path = next((folder / name for name in LICENSES if (folder / name).is_file()), None)
    if path is None:
        return None
    with path.open("rb") as file:
        text = file.read(MOST_BYTES).decode("utf-8", "replace").strip()
        return f"{text}\n\n(The file goes on.)" if file.read(1) else text
