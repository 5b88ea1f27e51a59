"""The answers that a training rewarded, as the job's page shows them."""

from __future__ import annotations

from app.pages import rewarded_answers
from storage.models import JobEvent

ANSWER = {"prompt": "Say it.", "reference": "", "answer": "<b>it", "ended": True, "masked": True, "reward": 0.0}


def noted(step: int, **further: object) -> JobEvent:
    data = {"step": step, "examples": [{**ANSWER, "rewards": {"regular_expression": 0.0}}], **further}
    return JobEvent(job_id="j", at=0.0, kind=rewarded_answers.KIND, data=data)


def test_checks_that_took_too_long_are_said_while_it_goes_on() -> None:
    shown = rewarded_answers.block([noted(1, too_slow={}), noted(5, too_slow={"regular_expression": 2})])
    assert "So far, the check “A regular expression” took too long on 2 answers; they count as not passed." in shown
    assert "&lt;b&gt;it" in shown
    assert "So far" not in rewarded_answers.block([noted(1), noted(2, too_slow={})])
    assert rewarded_answers.block([]) == ""
