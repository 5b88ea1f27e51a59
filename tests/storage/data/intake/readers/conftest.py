"""Reads a document in the test's own process, where a debugger and a coverage tool can follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.data.intake import Findings, formats
from storage.data.intake.readers import readers


@dataclass
class Extracted:
    """What a reader made of a file."""

    format: str
    numbers: list[int]
    rows: list[dict[str, Any]]
    findings: Findings

    @property
    def said(self) -> str:
        """All remarks."""
        return " ".join(remark.message for remark in self.findings.remarks)

    @property
    def refused(self) -> str:
        """All problems."""
        return "\n".join(str(problem) for problem in self.findings.problems)

    def column(self, name: str) -> list[Any]:
        """One column's values."""
        return [row.get(name) for row in self.rows]


Extract = Callable[[str, bytes], Extracted]


@pytest.fixture
def extract(tmp_path: Path) -> Extract:
    """`extract(filename, data)`: finds the format and reads."""

    def extracted(filename: str, data: bytes) -> Extracted:
        path = tmp_path / "content"
        path.write_bytes(data)
        findings = Findings(filename)
        source = formats.find(path, filename, findings)
        rows = list(readers()[source.format].read(source, findings))
        return Extracted(source.format, [row.number for row in rows], [row.values for row in rows], findings)

    return extracted
