"""What a check declares, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from storage.data.health.fix import Fix
from storage.data.health.personal_data import masked

if TYPE_CHECKING:
    from storage.data.rows.rows import Row, Rows

Level = Literal["note", "warning", "misleading"]
N_EXAMPLES = 5
SHOWN = 120
"""Characters of an example."""
_READ = 2_000
"""Characters of a text that are looked at for its excerpt: longer than what is shown and any personal datum."""


@dataclass(frozen=True)
class Example:
    """A row by its number in the source file, with a short text; personal data are masked."""

    row: int
    text: str


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    rows: tuple[int, ...]
    """Numbers of all rows concerned, in the order of the source."""
    out_of: int
    """Rows that could have been concerned."""
    says: str
    """One sentence: what was found."""
    examples: tuple[Example, ...]
    words: tuple[str, ...] = ()
    """Of the words that the user named, those found, the most frequent first."""

    @property
    def share(self) -> float:
        """Rows concerned, of those that could have been."""
        return len(self.rows) / self.out_of


@dataclass(frozen=True)
class Severity:
    """From which share of the rows on a finding weighs how much; below `warns_from` it is a note."""

    warns_from: float = 0.0
    misleads_from: float | None = None
    """From here on the dataset would mislead whoever trains on it; None: never by this alone."""

    def level(self, share: float) -> Level:
        """How much a finding of this share weighs."""
        if self.misleads_from is not None and share >= self.misleads_from:
            return "misleading"
        return "warning" if share >= self.warns_from else "note"


@dataclass(frozen=True)
class Need:
    """What has to be named before a check can say anything."""

    what: str
    field: str
    """Of a request, which names it."""
    remedy: str
    named: Callable[[Rows], bool]


BASE = Need("a base model", "base", "Name the model in whose tokens to count.", lambda rows: rows.lengths is not None)
EVALUATION = Need(
    "an evaluation set", "against", "Name the dataset to compare with.", lambda rows: bool(rows.evaluation)
)
WORDS = Need("a list of words", "words", "Name the words to look for.", lambda rows: rows.words is not None)


@dataclass(frozen=True)
class Check:
    """One thing that can be wrong with the rows of a dataset.

    A file of `storage/data/health/checks/` exports one as `SPEC`; its key is the file's name and its
    docstring says what is counted.
    """

    title: str
    why: str
    """Why it matters, in one line."""
    source: str
    """Who says so."""
    severity: Severity
    unlearned: str
    """What a model trained on such rows could not learn; completes “It could not learn …”."""
    find: Callable[[Rows], Finding | None]
    """None when nothing is wrong. Never raises, whatever the texts."""
    fix: Fix | None = None
    """How the rows concerned are mended; None where only their author can."""
    needs: Need | None = None
    key: str = ""
    page: str = ""

    def able(self, rows: Rows) -> bool:
        """Whether what it needs is named."""
        return self.needs is None or self.needs.named(rows)


def finding(found: Sequence[tuple[Row, str]], out_of: int, says: str, words: Sequence[str] = ()) -> Finding | None:
    """The finding for these rows, each with the text to be shown for it; None without rows."""
    if not found:
        return None
    examples = tuple(Example(row.number, excerpt(text)) for row, text in found[:N_EXAMPLES])
    return Finding(tuple(row.number for row, _ in found), out_of, says, examples, tuple(words))


def excerpt(text: str) -> str:
    """The beginning of a text on one line, without personal data."""
    shown = " ".join(masked(text[:_READ]).split())
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
