"""Which of the mutants a run reads: a twentieth of every group, the next one every day."""

from __future__ import annotations

import os
from datetime import UTC, datetime

SHARES = 20
VARIABLE = "MUTANTS_SHARE"


def of_this_run() -> int:
    """Today's share, or the one that the environment names."""
    return int(os.environ.get(VARIABLE, datetime.now(UTC).toordinal())) % SHARES


def span(count: int, share: int | None = None) -> tuple[int, int]:
    """The first number of the share, and the one after its last, of a group of so many mutants."""
    number = of_this_run() if share is None else share
    return number * count // SHARES, (number + 1) * count // SHARES


def told() -> str:
    """What to say of it, so that the same can be run again."""
    return f"mutants: share {of_this_run()} of {SHARES}; {VARIABLE}={of_this_run()} reads the same again"
