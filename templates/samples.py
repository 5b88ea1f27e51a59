"""The sample data that ships with the product in `templates/demo/`.

`workers/workshop/samples/` generates the files; `python -m workers.workshop samples` writes them anew.
"""

from __future__ import annotations

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
    """Key of the row shape of the first file. The set is offered once its shape exists."""
    files: tuple[SampleFile, ...]
    """The first becomes a dataset; the others lie beside it."""
    shows: str
    """What the set demonstrates, in one line."""

    @property
    def file(self) -> SampleFile:
        """The file that becomes a dataset."""
        return self.files[0]


SAMPLES: Mapping[str, Sample] = {
    sample.key: sample
    for sample in (
        Sample(
            "intents",
            "Shop messages",
            "classification",
            (SampleFile("intents.csv", 540),),
            "Sorting customers' messages into ten intents: labels that the base model has never seen.",
        ),
        Sample(
            "changed_facts",
            "Changed facts",
            "facts",
            (
                SampleFile("changed_facts.jsonl", 5),
                SampleFile("changed_facts_replay.jsonl", 120),
                SampleFile("changed_facts_locality.jsonl", 240),
            ),
            "Teaching a model that five facts have changed, and seeing whether it still knows the others.",
        ),
        Sample(
            "documents",
            "Documents with questions",
            "documents",
            (
                SampleFile("documents.jsonl", 160),
                SampleFile("documents_questions.jsonl", 240),
            ),
            "Answering from documents that a model has never read: "
            "find the right one of 160, and read the answer in it.",
        ),
        Sample(
            "headlines",
            "Finance headlines",
            "classification",
            (SampleFile("headlines.csv", 360),),
            "Telling good, bad and neutral news for investors: sentiment in words that everyday texts do not use.",
        ),
        Sample(
            "preferences",
            "Polite openings",
            "preference",
            (SampleFile("preferences.jsonl", 400),),
            "Changing a habit by preferences alone: "
            "answers that begin with “Sure!” are chosen over the same without it.",
        ),
        Sample(
            "prompts",
            "Prompts without answers",
            "prompt_only",
            (SampleFile("prompts.jsonl", 1_200),),
            "Prompts without answers, of every kind that the bundled models know: "
            "a larger model teaches a smaller one.",
        ),
        Sample(
            "sea_log",
            "Sea log",
            "text",
            (SampleFile("sea_log.txt", 240),),
            "Continued pretraining on a language of its own: the logbooks of a coast whose words no model has read.",
        ),
        Sample(
            "support",
            "Library answers",
            "prompt_completion",
            (SampleFile("support.csv", 240),),
            "Answering readers of a town library by its own rules and in one tone, which no base model can know.",
        ),
    )
}
"""By key, the default one first."""


def offered() -> Mapping[str, Sample]:
    """The sets that can be made datasets: those whose row shape exists."""
    return {key: sample for key, sample in SAMPLES.items() if sample.shape in registry.shapes()}


def sample(key: str) -> Sample:
    """The set `key`. Raises `BadInput` naming those that are offered."""
    if key not in offered():
        raise BadInput(
            Problem(f"“{key}” is no sample data.", field="sample", remedy=f"Choose one of: {', '.join(offered())}.")
        )
    return offered()[key]
