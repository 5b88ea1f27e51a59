"""Declares what people see of each kind of job: one file each in `templates/jobs/`.

The worker's code for a kind has the same file name in `workers/orders/` and `workers/programs/`, and so has
its result page in `app/pages/outcomes/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from templates.spec import Params


def _none(_spec: Mapping[str, Any]) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class JobKind:
    """A kind of job, as storage and pages see it."""

    title: str
    summary: str
    way: Callable[[Mapping[str, Any]], str]
    """How a job with this spec works, in a few words."""
    stages: tuple[str, ...]
    """The stages that every job of the kind goes through, in order."""
    result: str
    """The name of its result in documents."""
    publishes: Literal["artifact", "dataset", "model"] | None = None
    """What the job publishes under its name. The name stays reserved until the job ends."""
    trains: bool = False
    """Runs in steps with a loss: pages chart them, later estimates use their pace, and a stopped job keeps its work."""
    counts: str = "step"
    """The unit in which its progress is counted: a noun, or an abbreviation in capitals such as MB."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Stage whose progress nothing counts → its expected share of the time, where there is no estimate."""
    params: type[Params] | None = None
    """The declaration of the spec's `params`, if the kind has settings of its own."""
    between: Callable[[Mapping[str, Any]], tuple[str, ...]] = _none
    """Stages that a job with this spec goes through after the first one, besides those of every job."""
    waiting: Mapping[str, str] = field(default_factory=dict)
    """Stage → what is happening while there is nothing to count."""
    key: str = ""
    page: str = ""

    def stages_of(self, spec: Mapping[str, Any]) -> tuple[str, ...]:
        """The stages that a job with this spec goes through, in order."""
        return (self.stages[0], *self.between(spec), *self.stages[1:])

    def counted(self, step: int, of: int | None = None) -> str:
        """A place in its progress: `step 3`, `step 3 of 61`, `12 of 93 MB`."""
        numbers = f"{step:,}" if of is None else f"{step:,} of {of:,}"
        return f"{numbers} {self.counts}" if self.counts.isupper() else f"{self.counts} {numbers}"
