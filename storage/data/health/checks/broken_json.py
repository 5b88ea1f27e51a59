"""Answers that start like JSON but don't parse, where most answers that start like JSON do."""

from __future__ import annotations

import json
from typing import NoReturn

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The rows whose answer is broken JSON."""
    alike = [row for row in rows.answered if row.answer.lstrip()[:1] in ("{", "[")]
    found: list[tuple[Row, str]] = [(row, row.answer) for row in alike if not _parses(row.answer)]
    if 2 * len(found) > len(alike):
        return None  # not JSON, but another text that starts with a bracket
    says = f"{plural(len(found), 'answer looks', 'answers look')} like JSON but can't be parsed."
    return finding(found, len(alike) or 1, says)


def _parses(text: str) -> bool:
    try:
        json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return False
    return True


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


SPEC = Check(
    title="Broken JSON",
    why="Programs that read the answers need valid JSON; a model trained on broken JSON writes broken JSON.",
    source="“Methods for adapting large language models”, part 3: one format, the same as in use",
    severity=Severity(misleads_from=0.3),
    unlearned="to write reliable JSON",
    find=find,
    fix=dropping("Drop the rows"),
)
