"""The time that a whole job still takes, from what its child reports of the current stage."""

from __future__ import annotations

import time

from storage.models import Job, Stage

SLOWEST, FASTEST = 4.0, 0.25
"""Limits of how far this machine's pace may differ from the estimated one."""
TOLD_FROM = 0.05
"""Before this share of the evaluation is done, its own pace says nothing."""


class RemainingTime:
    """Adds the stages to come to the time left in the current one."""

    def __init__(self, job: Job):
        by_stage = (job.estimate or {}).get("seconds_by_stage") or {}
        self._training_s = float(by_stage.get(Stage.TRAINING, 0.0))
        self._evaluating_s = float(by_stage.get(Stage.EVALUATING, 0.0))
        self._pace = 1.0
        """Measured seconds per estimated second."""
        self._evaluating_since: float | None = None

    def in_training(self, eta_s: float, step: int, total_steps: int) -> float:
        """Seconds to the end of the job, `eta_s` before the end of the training."""
        if eta_s > 0 and total_steps > step and self._training_s > 0:
            expected_s = self._training_s * (total_steps - step) / total_steps
            self._pace = min(SLOWEST, max(FASTEST, eta_s / expected_s))
        return eta_s + self._pace * self._evaluating_s

    def entered(self, stage: str) -> float | None:
        """Seconds to the end of the job at the beginning of this stage; None if nothing is known."""
        if stage != Stage.EVALUATING:
            return None
        self._evaluating_since = time.monotonic()
        return self._pace * self._evaluating_s or None

    def in_evaluation(self, done: float) -> float | None:
        """Seconds to the end of the job after this share of the evaluation; None if nothing is known."""
        if self._evaluating_since is None:
            return None
        if done < TOLD_FROM:
            return self._pace * self._evaluating_s * (1 - done) or None
        return (time.monotonic() - self._evaluating_since) * (1 - done) / done
