"""Takes the files of a model that the studio uses out of a folder, and leaves all others behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from storage import disk
from storage.bases import base_model_checks as checks
from storage.bases import checkpoint_headers
from storage.bases.model_check import Readied
from storage.rendering import limited
from storage.rendering.limited import Model
from storage.settings import settings
from templates.errors import Problem, refuse
from templates.quantities import size


def weights_bytes(folder: Path) -> int:
    """The size of all weights in the folder."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def take_in(
    new: Model,
    source: Path,
    draft: Path,
    chat_template: str | None,
    put: Callable[[Path, Path], object] = shutil.copyfile,
) -> None:
    """Copy the model and its documents, the weights last with `put`, and nothing else. Raises `BadInput`."""
    for name in (*checks.CONFIG_FILES, *checks.PAPERS, checkpoint_headers.INDEX):
        if (source / name).is_file():
            shutil.copyfile(source / name, draft / name)
    weights = limited.ask_once(new, Readied(draft, chat_template))
    refuse([Problem("is missing.", file=name) for name in weights if not (source / name).is_file()])
    for name in weights:
        put(source / name, draft / name)


def no_room(needed: float) -> list[Problem]:
    """The reason why a model of this many bytes doesn't fit on the studio's disk, if it doesn't."""
    free = disk.free_bytes(settings().files)
    if needed <= free:
        return []
    message = f"the model takes {size(needed)}, but the studio's disk has only {size(free)} free."
    return [Problem(message, field="path", remedy="Free some space, or choose a smaller model.")]
