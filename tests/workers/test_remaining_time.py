"""The time left in the training grows by the evaluation; the evaluation tells its own."""

from __future__ import annotations

import pytest

from storage.models import Job, Stage
from workers import remaining_time
from workers.evaluation import progress
from workers.protocol import Noted, Report
from workers.remaining_time import RemainingTime


def job(**by_stage: float) -> Job:
    estimate = {"seconds_by_stage": by_stage} if by_stage else None
    return Job(
        owner_id="u", idem_key="k", name="n", kind="train", spec={}, spec_sha256="", created_at=0.0, estimate=estimate
    )


def test_the_evaluation_counts_at_the_pace_that_the_training_shows() -> None:
    left = RemainingTime(job(training=100.0, evaluating=80.0))
    assert left.in_training(50.0, 5, 10) == pytest.approx(130.0)
    assert left.in_training(100.0, 5, 10) == pytest.approx(260.0), "twice as slow as estimated"
    assert left.in_training(0.0, 10, 10) == pytest.approx(160.0)
    assert left.entered(Stage.EVALUATING) == pytest.approx(160.0)


def test_without_an_estimate_only_what_was_measured_counts() -> None:
    left = RemainingTime(job())
    assert left.in_training(50.0, 5, 10) == 50.0
    assert left.in_evaluation(0.5) is None
    assert left.entered(Stage.EVALUATING) is None


def test_the_evaluation_goes_on_as_fast_as_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(remaining_time.time, "monotonic", lambda: now)
    left = RemainingTime(job(training=100.0, evaluating=80.0))
    left.entered(Stage.EVALUATING)
    assert left.in_evaluation(0.01) == pytest.approx(79.2)
    now += 30.0
    assert left.in_evaluation(0.25) == pytest.approx(90.0)
    assert left.in_evaluation(1.0) == 0.0


class Channel:
    abandoned = False

    def __init__(self) -> None:
        self.said: list[Report] = []

    def send(self, report: Report) -> None:
        self.said.append(report)


def test_scorings_report_their_share_of_the_whole_evaluation() -> None:
    found = progress.of_training([100], 20, 60)
    assert [end for _, end in found] == pytest.approx([1 / 3, 2 / 3, 5 / 6, 1.0])
    channel = Channel()
    progress.noting(channel, "nano", part=found[1])(120, 120)
    assert isinstance(channel.said[0], Noted)
    assert channel.said[0].data["done"] == pytest.approx(2 / 3)
    assert progress.of_training([54], 54, 0)[-1] == (1.0, 1.0), "nothing is left where no abilities are measured"
