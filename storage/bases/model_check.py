"""The check of a new model, as programs for a limited process: a folder's facts, or its problems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from storage import progress
from storage.bases import base_model_checks as checks
from storage.bases import checkpoint_headers, weights_fit
from storage.rendering import limited
from storage.rendering.limited import Model
from storage.rendering.limited_process import GIB, Limits, Question
from templates.errors import BadInput, Problem, refuse
from templates.spec import BaseFacts

READING = "Reading the config and the weights' headers"
LIMITS = Limits(memory_bytes=2 * GIB, cpu_s=20, within_s=120.0)


TRIAL = Limits(memory_bytes=3 * GIB // 2, cpu_s=10, within_s=60.0)


@dataclass(frozen=True)
class Checked:
    """What the files say about a model that can be a base model."""

    weights: list[str]
    """Names of its safetensors files."""
    facts: BaseFacts
    license: str | None


@dataclass(frozen=True)
class FolderCheck(Question[Checked]):
    """Check a whole model folder without changing it."""

    limits = LIMITS
    kind = TypeAdapter(Checked)
    folder: Path
    chat_template: str | None

    def answer(self) -> Checked:
        """Its facts. Raises `BadInput` with every problem at once."""
        refuse(checks.folder_problems(self.folder, self.chat_template))
        return _facts(self.folder)


@dataclass(frozen=True)
class Announced(Question[list[str]]):
    """Check the config of a model whose other files are elsewhere."""

    limits = TRIAL
    kind = TypeAdapter(list[str])
    folder: Path
    what: str
    """The model, for people."""
    names: tuple[str, ...]
    """The names of all its files."""
    chat_template: str | None

    def answer(self) -> list[str]:
        """Nothing. Raises `BadInput` with every problem at once."""
        refuse(checks.announced_problems(self.folder, self.what, self.names, self.chat_template))
        return []


@dataclass(frozen=True)
class Readied(Question[list[str]]):
    """Make the small files of a copied model usable, and try its template."""

    limits = TRIAL
    kind = TypeAdapter(list[str])
    folder: Path
    chat_template: str | None

    def answer(self) -> list[str]:
        """The names of its safetensors files, which need not be there yet. Raises `BadInput`."""
        names = {path.name for path in self.folder.iterdir()}
        refuse(checks.small_file_problems(self.folder, names, self.chat_template))
        checks.make_ready(self.folder, self.chat_template)
        return checkpoint_headers.weight_files(self.folder)


@dataclass(frozen=True)
class Finished(Question[Checked]):
    """Check a copied model with its weights; removes known prefixes from the tensors' names."""

    limits = LIMITS
    kind = TypeAdapter(Checked)
    folder: Path

    def answer(self) -> Checked:
        """Its facts. Raises `BadInput`."""
        found = _facts(self.folder)
        removed = weights_fit.rename(self.folder, found.weights, checkpoint_headers.INDEX)
        facts = found.facts.model_copy(update={"removed_prefix": removed})
        return Checked(found.weights, facts, found.license)


def _facts(folder: Path) -> Checked:
    with progress.step(READING):
        weights = checkpoint_headers.weight_files(folder)
        return Checked(weights, checkpoint_headers.facts(folder), checks.stated_license(folder))


def folder_problems(new: Model, folder: Path, chat_template: str | None) -> list[Problem]:
    """Every problem with the folder of a model to be added, found in a limited process."""
    try:
        limited.ask_once(new, FolderCheck(folder, chat_template))
    except BadInput as error:
        return error.problems
    return []
