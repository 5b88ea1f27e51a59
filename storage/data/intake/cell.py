"""One cell of a file during reading; knows its place, for notes about it."""

from __future__ import annotations

from dataclasses import dataclass

from storage.data.intake.findings import Findings


@dataclass(frozen=True)
class Cell:
    """A column's value in a row."""

    row: int
    column: str
    findings: Findings

    def problem(self, message: str, at: str = "", remedy: str | None = None) -> None:
        """Note a problem that refuses the row; `at` is the place inside the cell."""
        self.findings.problem(message, row=self.row, field=f"{self.column}{at}", remedy=remedy)

    def remark(self, message: str) -> None:
        """Note an oddity of the row."""
        self.findings.remark(message, row=self.row)

    def unused(self, key: str, of: str) -> None:
        """Note that a key is not used."""
        self.remark(f"Not used: “{key}” of the {of}.")
