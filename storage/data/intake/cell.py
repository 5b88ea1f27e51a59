"""One cell of a file while it is read: knows where it stands, for what is noted of it."""

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
        """Note what refuses the row; `at` is the place inside the cell."""
        self.findings.problem(message, row=self.row, field=f"{self.column}{at}", remedy=remedy)

    def remark(self, message: str) -> None:
        """Note an oddity of the row."""
        self.findings.remark(message, row=self.row)

    def unused(self, key: str, of: str) -> None:
        """Say that nothing is made of a key."""
        self.remark(f"Not used: “{key}” of the {of}.")
