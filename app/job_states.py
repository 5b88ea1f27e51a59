"""The states of a job in words, the same on pages and in the terminal."""

from __future__ import annotations

from storage.models import JobState

STATES = {
    JobState.QUEUED: "waiting",
    JobState.RUNNING: "running",
    JobState.SUCCEEDED: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
