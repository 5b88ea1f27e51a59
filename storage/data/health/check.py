"""Checks and their findings."""

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
"""Maximum characters of an example."""
NOT_LOOKED_FOR = (
    "Not looked for: names of people, postal addresses, whether the answers are true, and whether the tone is right. "
    "Read some rows yourself; “Words to look for” finds names that you list."
)
"""The limits of the report, in words."""
_READ = 2_000
"""Characters of a text read for its excerpt: more than are shown, and longer than any personal datum."""


@dataclass(frozen=True)
class Example:
    """A row, by its number in the source file, with a short text; personal data is masked."""

    row: int
    text: str


@dataclass(frozen=True)
class Finding:
    """The result of a check."""

    rows: tuple[int, ...]
    """Numbers of all affected rows, in source order."""
    out_of: int
    """Number of rows that could have been affected."""
    says: str
    """The finding in one sentence."""
    examples: tuple[Example, ...]
    words: tuple[str, ...] = ()
    """The user's words that were found, the most frequent first."""

    @property
    def share(self) -> float:
        """The affected share of the rows that could have been affected."""
        return len(self.rows) / self.out_of


@dataclass(frozen=True)
class Severity:
    """How the share of affected rows decides a finding's severity; below `warns_from` it is a note."""

    warns_from: float = 0.0
    misleads_from: float | None = None
    """From this share on, the dataset would mislead anyone who trains on it; None: never by this alone."""

    def level(self, share: float) -> Level:
        """The severity of a finding with this share."""
        if self.misleads_from is not None and share >= self.misleads_from:
            return "misleading"
        return "warning" if share >= self.warns_from else "note"


@dataclass(frozen=True)
class Need:
    """An input that a check needs before it can run."""

    what: str
    field: str
    """The request field that names it."""
    remedy: str
    named: Callable[[Rows], bool]


BASE = Need("a base model", "base", "Name the model in whose tokens to count.", lambda rows: rows.lengths is not None)
EVALUATION = Need(
    "an evaluation set", "against", "Name the dataset to compare with.", lambda rows: bool(rows.evaluation)
)
WORDS = Need("a list of words", "words", "Name the words to look for.", lambda rows: rows.words is not None)


@dataclass(frozen=True)
class Check:
    """A check for one kind of flaw in the rows of a dataset.

    Each file in `storage/data/health/checks/` exports one as `SPEC`; its key is the file's name and its
    docstring says what it counts.
    """

    title: str
    why: str
    """Why it matters, in one line."""
    source: str
    """The source of that claim."""
    severity: Severity
    unlearned: str
    """The thing that a model trained on such rows could not learn; completes “It could not learn …”."""
    find: Callable[[Rows], Finding | None]
    """Returns None when nothing is wrong. Never raises, whatever the texts."""
    fix: Fix | None = None
    """The fix for the affected rows; None where only their author can fix them."""
    needs: Need | None = None
    key: str = ""
    page: str = ""

    def able(self, rows: Rows) -> bool:
        """Whether the request names everything that the check needs."""
        return self.needs is None or self.needs.named(rows)


def finding(found: Sequence[tuple[Row, str]], out_of: int, says: str, words: Sequence[str] = ()) -> Finding | None:
    """The finding for these rows, each with the text to show for it; None without rows."""
    if not found:
        return None
    examples = tuple(Example(row.number, excerpt(text)) for row, text in found[:N_EXAMPLES])
    return Finding(tuple(row.number for row, _ in found), out_of, says, examples, tuple(words))


def excerpt(text: str) -> str:
    """The start of a text on one line, without personal data."""
    shown = masked(" ".join(text[:_READ].split()))  # fewer spaces may make a number of what was none
    return shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
