"""Advice after a verdict: the way that can be taken stands first."""

from __future__ import annotations

from tests.workers.evaluation.test_verdict import judge, scores


def test_rows_that_are_hardly_worth_collecting_stand_last() -> None:
    judged = judge(scores(0, 40), scores(9, 40))
    assert judged.verdict == "cant_tell"
    assert judged.what_would_help is not None
    assert judged.what_would_help.startswith("Make the difference larger, with more training rows (now 40) or more")
    assert "More held-out rows are hardly worth collecting: about 1,200 would show" in judged.what_would_help
    few = judge(scores(20, 40), scores(24, 40)).what_would_help
    assert few is not None
    assert few.startswith("Hold out more rows: about 92 would")
    assert "Or make the difference larger" in few
