"""JSON lines: one object a line."""

from __future__ import annotations

from collections.abc import Iterator

from storage.data.intake import strict_json
from storage.data.intake.findings import Findings, Reach
from storage.data.intake.source import Source, SourceRow, lines

TITLE = "JSON lines"
MEND = "Correct the line, or leave it out."


def read(source: Source, findings: Findings) -> Iterator[SourceRow]:
    """The object of each line; `number` is the line."""
    with source.open() as stream:
        for number, line in lines(stream, findings):
            if not line.strip():
                findings.remark("Blank lines were skipped.", row=number)
                continue
            try:
                value = strict_json.decode(line, takes_halves=source.replaces)
            except strict_json.Flaw as flaw:
                reach: Reach = "unreadable" if flaw.is_half else "row"
                findings.problem(flaw.message, row=number, field=flaw.field, remedy=flaw.remedy or MEND, reach=reach)
                continue
            if isinstance(value, dict):
                yield SourceRow(number, value)
            else:
                findings.problem(
                    f"is {strict_json.kind(value)}, not an object.",
                    row=number,
                    remedy='Write each line as {"column": "value", …}.',
                )
