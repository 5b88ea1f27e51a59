"""Counts the processes in which files are read."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from storage.intake import apart


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What each process was started with."""
    started: list[dict[str, Any]] = []
    run = subprocess.run

    def counted(*command: Any, **options: Any) -> Any:
        started.append(options)
        return run(*command, **options)

    monkeypatch.setattr(apart.subprocess, "run", counted)
    return started
