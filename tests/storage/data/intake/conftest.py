"""Counts the processes in which files are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from storage.data.intake import forked


@dataclass
class Run:
    """What a process was asked to do, and how long it might take."""

    wanted: str
    within_s: float


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Each process that was forked."""
    started: list[Run] = []
    run = forked.run

    def counted(asked: Any, files: Any, within_s: float, tell: Any) -> int:
        started.append(Run(asked["wanted"], within_s))
        return run(asked, files, within_s, tell)

    monkeypatch.setattr(forked, "run", counted)
    return started
