"""The progress of a stage that doesn't train is reported as a share of the whole stage, and not too often."""

from __future__ import annotations

import pytest
from conversations import Heard

from workers import stages
from workers.protocol import Proceeded, Stop
from workers.stages import Watch


def test_parts_are_shares_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "EVERY_S", 0.0)
    heard = Heard()
    half = Watch(heard).of(0.5, 1.0)
    half.tell(0.5, "reading")
    half.of(0.0, 0.5).tell(1.0, "reading")
    assert [report.done for report in heard.of(Proceeded)] == [0.75, 0.75]


def test_what_was_kept_is_told_with_the_next_report(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    watch = Watch(heard)
    watch.tell(0.1, "reading")
    watch.of(0.0, 1.0).tell(0.2, "reading", kept=True)
    assert [report.kept for report in heard.of(Proceeded)] == [False]
    monkeypatch.setattr(stages, "EVERY_S", 0.0)
    watch.tell(0.3, "reading")
    watch.tell(0.4, "reading")
    assert [report.kept for report in heard.of(Proceeded)] == [False, True, False]


def test_it_knows_when_to_stop() -> None:
    heard = Heard()
    watch = Watch(heard)
    assert not watch.stopped
    heard.stop = Stop(stop="keep")
    assert not watch.stopped, "what was learned so far is wanted"
    heard.stop = Stop(stop="discard")
    assert watch.of(0.0, 0.5).stopped
