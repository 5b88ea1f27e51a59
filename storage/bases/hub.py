"""Fetches a model from the Hugging Face hub, pinned to a commit; checks as much as possible before the download."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from storage.bases import base_model_checks as checks
from storage.bases.checkpoint_headers import INDEX
from storage.bases.model_check import Readied
from storage.rendering import limited
from storage.rendering.limited import Model
from templates.errors import BadInput, Problem, StudioError, Unavailable, refuse
from templates.quantities import size

ID = r"[\w.-]+/[\w.-]+"
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Fetched:
    """The hub's facts about the fetched model."""

    commit: str
    license: str | None


def is_id(text: str) -> bool:
    """Whether `text` has the form of a hub id."""
    return len(text) <= 200 and re.fullmatch(ID, text, re.ASCII) is not None and not text.startswith((".", "-"))


def fetch(new: Model, folder: Path, chat_template: str | None) -> Fetched:
    """Fill the empty `folder` with the files of the model whose hub id is `new.folder`, and no others.

    Fetches the weights only when everything else is in order. Raises `BadInput` for a model that
    can't be a base or does not exist, `Unavailable` when the hub does not respond.
    """
    try:
        return _fetch(new, folder, chat_template)
    except StudioError:
        raise
    except Exception as error:
        raise _in_words(new.folder, error) from error


def _fetch(new: Model, folder: Path, chat_template: str | None) -> Fetched:
    from huggingface_hub import HfApi, snapshot_download

    hub_id = new.folder
    info = HfApi().model_info(hub_id, files_metadata=True, timeout=TIMEOUT_S)
    commit = str(info.sha)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or [] if "/" not in file.rfilename}
    weights = [(name, size) for name, size in sizes.items() if name.endswith(".safetensors")]
    small = [name for name in sizes if name in (*checks.CONFIG_FILES, *checks.PAPERS, INDEX)]

    def download(names: list[str]) -> None:
        snapshot_download(hub_id, revision=commit, local_dir=folder, allow_patterns=names)
        shutil.rmtree(folder / ".cache", ignore_errors=True)

    problems = checks.weights_problems(sizes) + no_room(folder, sum(size for _, size in weights))
    if small:
        download(small)
    wanted: list[str] = []
    try:
        wanted = limited.ask_once(new, Readied(folder, chat_template))
    except BadInput as error:
        problems += error.problems
    refuse(problems)
    download(_found(wanted, [name for name, _ in weights]))
    card = info.card_data
    return Fetched(commit, str(card.license) if card and getattr(card, "license", None) else None)


def _found(wanted: list[str], names: list[str]) -> list[str]:
    """The safetensors files that the index lists, or the single one; all must be among `names`."""
    missing = [Problem("is missing on the hub.", file=name) for name in wanted if name not in names]
    refuse(missing)
    return wanted


def no_room(folder: Path, needed: int) -> list[Problem]:
    """The reason why `needed` bytes don't fit at `folder`, if they don't."""
    free = shutil.disk_usage(folder).free
    if needed * 1.05 <= free:
        return []
    message = f"the model takes {size(needed)}, but the studio's disk has only {size(free)} free."
    return [Problem(message, field="path", remedy="Free some space, or choose a smaller model.")]


def _in_words(hub_id: str, error: Exception) -> StudioError:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        remedy = "Accept its terms on the hub, then start the studio with HF_TOKEN set to a token of that account."
        return BadInput(
            Problem(f"“{hub_id}” is gated: its owner lets only some accounts in.", field="path", remedy=remedy)
        )
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        remedy = "Check the spelling. A private one needs HF_TOKEN in the studio's environment."
        return BadInput(Problem(f"The hub has no model “{hub_id}”.", field="path", remedy=remedy))
    return Unavailable(
        f"The Hugging Face hub does not respond ({type(error).__name__}).",
        remedy="Try again, or download the model on a machine that can reach the hub "
        f"(`hf download {hub_id} --local-dir FOLDER`) and add that folder.",
    )
