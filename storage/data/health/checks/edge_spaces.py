"""Answers with spaces or line breaks at the start or end."""

from __future__ import annotations

from storage.data.health.check import SHOWN, Check, Finding, Severity, finding
from storage.data.health.fix import Edit, Fix
from storage.data.health.personal_data import masked
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The rows with a learned turn that starts or ends with spaces."""
    found: list[tuple[Row, str]] = []
    for row in rows.answered:
        edged = next((answer for answer in row.answers if answer != answer.strip()), None)
        if edged is not None:
            shown = repr(masked(edged))
            found.append((row, shown if len(shown) <= SHOWN else f"…{shown[1 - SHOWN :]}"))
    says = f"{plural(len(found), 'answer starts or ends', 'answers start or end')} with spaces or line breaks."
    return finding(found, len(rows.answered) or 1, says)


SPEC = Check(
    title="Blanks around answers",
    why="The model learns the spaces as tokens, and an answer with them does not equal the answer without.",
    source="“Methods for adapting large language models”, part 3: normalise the whitespace of answers",
    severity=Severity(),
    unlearned="to start and end its answers cleanly",
    find=find,
    fix=Fix("Strip them", lambda _rows, _finding: Edit(answers=str.strip), rewrites=True),
)
