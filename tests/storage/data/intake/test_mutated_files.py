"""Thousands of changed files for every reader: read right or refused in words; no traceback, no hang, little memory.

Every run reads a share of them, another one every day; the long run reads all.
To see one again: `python -m tests.storage.data.intake.mutants.reading GROUP NUMBER [FILE]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from storage.data import intake
from storage.data.intake.looking import read
from storage.data.intake.readers import readers
from storage.data.intake.source import SourceRow
from tests.storage.data.intake.mutants import seeds, shares
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
Span = tuple[str, int, int]
"""A group's mutants from the first number to before the last."""


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


def run(spans: Sequence[Span]) -> list[Run]:
    """Read the groups' mutants in one process of their own; in another one after a mutant that ended it."""
    made = {group: Run(group) for group, _, _ in spans}
    left = list(spans)
    while left and sum(len(group.ends) for group in made.values()) < MAX_ENDS:
        asked = [str(part) for span in left for part in span]
        done = subprocess.run(
            [sys.executable, "-m", "tests.storage.data.intake.mutants.reading", *asked],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        results = [json.loads(line) for line in done.stdout.splitlines()]
        for result in results:
            made[result["group"]].results.append(result)
        left = without(left, len(results))
        if left:
            group, number, _ = left[0]
            last_words = f"exit {done.returncode}: {done.stderr[-3_000:].decode('utf-8', 'replace')}"
            made[group].ends.append(f"{group!r} {number}: {mutant(group, number)}\n{last_words}")
            left = without(left, 1)
    return list(made.values())


def without(spans: Sequence[Span], n: int) -> list[Span]:
    """The spans after their first n mutants."""
    left = []
    for group, first, end in spans:
        passed = min(n, end - first)
        n -= passed
        if first + passed < end:
            left.append((group, first + passed, end))
    return left


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


def check_all(group: str, count: int, table: list[str]) -> None:
    [made] = run([(group, 0, count)])
    assert len(made.results) == count
    check(made, table)
    assert MIN_SHARE < made.n_read / count < 1 - MIN_SHARE


@pytest.mark.slow
def test_mutants_of_this_run(table: list[str]) -> None:
    counts = {**COUNTS, REAL: N_REAL} if seeds.real() else COUNTS
    spans = [(group, *shares.span(count)) for group, count in counts.items()]
    for made, (_, first, end) in zip(run(spans), spans, strict=True):
        assert len(made.results) == end - first or made.ends
        check(made, table)


@pytest.mark.long
@pytest.mark.parametrize("reader", COUNTS)
def test_all_mutants_of_made_files(reader: str, table: list[str]) -> None:
    check_all(reader, COUNTS[reader], table)


@pytest.mark.long
def test_all_mutants_of_real_files(table: list[str]) -> None:
    if not seeds.real():
        pytest.skip(f"no files of others at hand in {seeds.SHARED_DATA}")
    check_all(REAL, N_REAL, table)


def test_the_shares_are_all_of_it() -> None:
    for count in (*COUNTS.values(), N_REAL, 7):
        spans = [shares.span(count, share) for share in range(shares.SHARES)]
        assert [number for span in spans for number in range(*span)] == list(range(count))


def test_every_reader_has_its_mutants() -> None:
    assert COUNTS.keys() == {*readers(), "several"} == seeds.MADE.keys()
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
