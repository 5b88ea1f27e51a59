"""Counts the processes in which files are read."""

from __future__ import annotations

from typing import Any

import pytest

from storage.data.intake import reader_process


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For each process that was forked, within how many seconds it had to read its file."""
    started: list[float] = []
    run = reader_process.run

    def counted(reading: Any, sink: Any, said: Any, within_s: float) -> int:
        started.append(within_s)
        return run(reading, sink, said, within_s)

    monkeypatch.setattr(reader_process, "run", counted)
    return started
