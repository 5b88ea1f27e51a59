"""The states of a job and its stages."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED; the last three are final."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


TERMINAL = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Stage(StrEnum):
    """The activity of a running job."""

    PREPARING = "preparing"
    TRAINING = "training"
    EVALUATING = "evaluating"
    PUBLISHING = "publishing"
