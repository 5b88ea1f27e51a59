"""What tests of the child need: rows, a worker's end of the conversation, and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet

from workers import protocol
from workers.protocol import Order, Report, Stop

COLOURS = ("red", "green", "blue", "white")


def colour_rows(n_rows: int, held_out_share: float = 0.2) -> list[dict[str, Any]]:
    """Texts that name a colour, labelled with it."""
    return [
        {
            "text": f"thing number {index} " + "very " * (index % 7) + f"is painted {COLOURS[index % 4]}",
            "label": COLOURS[index % 4],
            "held_out": index % round(1 / held_out_share) == 1,
            "source_row": index + 2,
        }
        for index in range(n_rows)
    ]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A dataset as the store keeps it."""
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


@dataclass
class Heard:
    """A `Channel` without pipes: remembers what was said, and asks to stop when told to."""

    said: list[Report] = field(default_factory=list)
    stop: Stop | None = None
    on_say: Callable[[Heard, Report], None] = lambda _heard, _report: None

    @property
    def abandoned(self) -> bool:
        return self.stop is not None and self.stop.stop != "keep"

    def send(self, report: Report) -> None:
        self.said.append(report)
        self.on_say(self, report)

    def of(self, kind: type[Any]) -> list[Any]:
        """What was said of one kind."""
        return [report for report in self.said if isinstance(report, kind)]

    def losses(self, split: str = "train") -> dict[int, float]:
        """Chart points: step → loss."""
        return {m.step: m.values["loss"] for m in self.of(protocol.Measured) if m.split == split}


class Child:
    """A real child process."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers.run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.said: list[tuple[float, Report]] = []

    def send(self, message: Order | Stop) -> None:
        """Write to its stdin."""
        assert self.process.stdin
        protocol.write(self.process.stdin, message)

    def hear(self) -> Report:
        """Its next message."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, f"the child ended with {self.process.wait()}"
        report = protocol.parse_report(line)
        self.said.append((time.monotonic(), report))
        return report

    def hear_until(self, kind: type[Any]) -> Any:
        """Its messages up to the first of this kind, which is returned."""
        while True:
            report = self.hear()
            if isinstance(report, kind):
                return report
            assert not isinstance(report, protocol.Failed), report
