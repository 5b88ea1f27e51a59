"""The sample data that ships with the product in `templates/demo/`.

`workers/workshop/samples/` generates the files; `python -m workers.workshop samples` writes them again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from templates import registry
from templates.errors import BadInput, Problem

FOLDER = Path(__file__).parent / "demo"
DEFAULT = "intents"
"""The set for a first try."""


@dataclass(frozen=True)
class SampleFile:
    """One file of a set; its suffix names the format: `.csv`, `.jsonl` or `.txt`."""

    name: str
    n_rows: int

    @property
    def path(self) -> Path:
        """The file that ships with the product."""
        return FOLDER / self.name


@dataclass(frozen=True)
class Sample:
    """A set of sample data."""

    key: str
    title: str
    shape: str
    """Key of the first file's row shape. The studio offers the set once that shape exists."""
    files: tuple[SampleFile, ...]
    """The first file becomes a dataset; the others stay beside it."""
    shows: str
    """What the set demonstrates, in one line."""

    @property
    def file(self) -> SampleFile:
        """The file that becomes a dataset."""
        return self.files[0]


def _declared() -> Mapping[str, Sample]:
    declared = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    return {
        key: Sample(key=key, **{**said, "files": tuple(SampleFile(name, n) for name, n in said["files"].items())})
        for key, said in declared.items()
    }


SAMPLES = _declared()
"""Every set by key, the default one first."""


def offered() -> Mapping[str, Sample]:
    """The sets that can become datasets: those whose row shape exists."""
    return {key: sample for key, sample in SAMPLES.items() if sample.shape in registry.shapes()}


def sample(key: str) -> Sample:
    """The set `key`. Raises `BadInput` naming the sets on offer."""
    if key not in offered():
        raise BadInput(
            Problem(
                f"“{key}” is not a sample dataset.", field="sample", remedy=f"Choose one of: {', '.join(offered())}."
            )
        )
    return offered()[key]
