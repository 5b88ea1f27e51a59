"""Thousands of changed files for every reader: read right or refused in words; no traceback, no hang, little memory.

To see one again: `python -m tests.storage.data.intake.mutants.reading GROUP NUMBER [FILE]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from storage.data import intake
from storage.data.intake.looking import read
from storage.data.intake.readers import readers
from storage.data.intake.source import SourceRow
from tests.storage.data.intake.mutants import seeds
from tests.storage.data.intake.mutants.mutants import REAL, mutant
from tests.storage.data.intake.mutants.second_readings import difference

COUNTS = {
    "delimited": 1_600,
    "json_lines": 1_200,
    "json_list": 1_200,
    "parquet": 1_000,
    "plain_text": 700,
    "markdown": 700,
    "html": 1_200,
    "pdf": 1_000,
    "word": 900,
    "workbook": 1_000,
    "several": 600,
}
N_REAL = 800
MAX_S = 5
MAX_PEAK_MB = 300
"""Of the process that reads them all, of which 100 are Python and its libraries."""
MIN_SHARE = 0.1
"""Of mutants that are read, and of those refused: changes that ruin all or nothing would test little."""
MAX_ENDS = 5
"""Times that the process may end before the rest of a group is given up."""
ROOT = Path(__file__).parents[4]


@dataclass
class Run:
    """What came of a group of mutants."""

    group: str
    results: list[dict[str, Any]] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    """Where a process ended early, as it does when a mutant takes too long."""

    @property
    def n_read(self) -> int:
        return sum(result["read_as"] is not None for result in self.results)

    @property
    def slowest_ms(self) -> float:
        return max(result["ms"] for result in self.results)

    @property
    def peak_mb(self) -> float:
        return max(result["peak_mb"] for result in self.results)

    def __str__(self) -> str:
        n_refused = len(self.results) - self.n_read
        counts = f"{len(self.results):8,} {self.n_read:8,} {n_refused:8,}"
        return f"{self.group:12} {counts} {self.slowest_ms:10,.0f} {self.peak_mb:8,.0f}"

    def wrong(self) -> list[str]:
        """Each mutant that was not read as it should be, and how it came about."""
        slow = [result for result in self.results if result["ms"] > MAX_S * 1000]
        found = [(result["number"], result["wrong"]) for result in self.results if result["wrong"]]
        found += [(result["number"], f"takes {result['ms']:,.0f} ms") for result in slow]
        told = [f"{self.group!r} {number}: {mutant(self.group, number)}\n{what}" for number, what in found]
        return [*self.ends, *told]


def run(group: str, count: int) -> Run:
    """Read the group's mutants in a process of their own; in another one after a mutant that ended it."""
    made = Run(group)
    first = 0
    while first < count and len(made.ends) < MAX_ENDS:
        done = subprocess.run(
            [sys.executable, "-m", "tests.storage.data.intake.mutants.reading", group, str(first), str(count)],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        made.results += results
        first += len(results)
        if first < count:
            last_words = done.stderr[-3_000:].decode("utf-8", "replace")
            made.ends.append(f"{group!r} {first}: {mutant(group, first)}\nexit {done.returncode}: {last_words}")
            first += 1
    return made


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    """Lines that are printed when all is done."""
    lines = [f"{'reader':12} {'inputs':>8} {'read':>8} {'refused':>8} {'slowest ms':>10} {'peak MB':>8}"]
    yield lines
    print("", *lines, sep="\n")


def check(made: Run, table: list[str]) -> None:
    table.append(str(made))
    print(made)
    wrong = made.wrong()
    assert not wrong, f"{len(wrong)} wrong, the first of them:\n" + "\n".join(wrong[:3])
    assert made.peak_mb < MAX_PEAK_MB
    assert MIN_SHARE < made.n_read / len(made.results) < 1 - MIN_SHARE


@pytest.mark.slow
@pytest.mark.parametrize("reader", COUNTS)
def test_mutants_of_made_files(reader: str, table: list[str]) -> None:
    made = run(reader, COUNTS[reader])
    assert len(made.results) == COUNTS[reader] or made.ends
    check(made, table)


@pytest.mark.slow
def test_mutants_of_real_files(table: list[str]) -> None:
    if not seeds.real():
        pytest.skip(f"no files of others at hand in {seeds.SHARED_DATA}")
    check(run(REAL, N_REAL), table)


def test_every_reader_has_its_mutants() -> None:
    assert COUNTS.keys() == readers().keys() == seeds.MADE.keys()
    assert sum(COUNTS.values()) >= 10_000


def _shifted(row: SourceRow) -> SourceRow:
    values = list(row.values.values())
    return replace(row, values=dict(zip(row.values, [*values[1:], *values[:1]], strict=True)))


def _invented(row: SourceRow) -> SourceRow:
    name = "text" if "text" in row.values else next(iter(row.values))
    return replace(row, values={**row.values, name: f"{row.values[name]} invented"})


@pytest.mark.parametrize("reader", COUNTS)
def test_a_second_reading_sees_what_is_not_in_the_file(reader: str, tmp_path: Path) -> None:
    names = list(seeds.made(reader))
    made = mutant(reader, names.index("bare.pdf") if reader == "pdf" else 0)
    path = tmp_path / made.filename
    path.write_bytes(made.data)
    source = intake.look(path, made.filename).source
    rows = list(read(source, intake.Findings(made.filename)))
    assert difference(made, source, rows) is None
    assert difference(made, source, [*rows[:-1], _invented(rows[-1])])
    if len(rows[0].values) > 1 and reader not in ("html", "pdf", "word"):  # of which only the words are compared
        assert difference(made, source, [_shifted(rows[0]), *rows[1:]])
    if reader not in ("html", "pdf", "word"):
        assert difference(made, source, rows[:-1])
