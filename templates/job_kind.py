"""The form in which kinds of jobs declare what people see of them: one file each in `templates/jobs/`.

What a worker does for a kind has the same file name in `workers/orders/` and `workers/programs/`, and what
its page shows in the end in `app/pages/outcomes/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class JobKind:
    """A kind of job, as storage and pages know it."""

    title: str
    summary: str
    way: Callable[[Mapping[str, Any]], str]
    """How a job of this spec does it, in a few words."""
    stages: tuple[str, ...]
    """The stages it passes, in their order."""
    result: str
    """What its result is called in documents."""
    publishes: Literal["artifact", "dataset"] | None = None
    """What comes into being under the job's name, which is kept free for it while the job is not finished."""
    trains: bool = False
    """Takes steps with a loss: they are charted, foretell the pace of others, and can be cut short and kept."""
    counts: str = "step"
    """One unit of its progress."""
    waiting: Mapping[str, str] = field(default_factory=dict)
    """By stage, what is going on while there is nothing to count."""
    key: str = ""
    page: str = ""
