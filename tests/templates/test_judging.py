"""What a judge is asked, and how its reply is read."""

from __future__ import annotations

import pytest

from templates import judging


@pytest.mark.parametrize(
    ("reply", "choice"),
    [
        ("It is clearer.\nVerdict: 1", "first"),
        ("**Verdict:** 2", "second"),
        ("Verdict: tie.", "tie"),
        ("VERDICT - Tie", "tie"),
        ("At first I thought Verdict: 1, but no.\nVerdict: 2", "second"),
        ("2", "second"),
        (" **1**.", "first"),
        ("The first is better.", None),
        ("1 is short, 2 is long", None),
        ("Verdict: 12", None),
        ("Verdict: both", None),
        ("", None),
    ],
)
def test_a_reply_is_read_by_its_last_verdict(reply: str, choice: str | None) -> None:
    assert judging.read(reply) == choice


def test_the_question_holds_both_answers_in_the_given_order_and_the_criteria() -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}]
    system, asked = judging.asked(turns, "Here.", "  ", "Prefer the polite one.")
    assert system["role"] == "system"
    assert "Prefer the polite one." in system["content"]
    text = asked["content"]
    assert "system: Be brief.\n\nuser: Where?" in text
    assert text.index("<answer_1>\nHere.") < text.index(f"<answer_2>\n{judging.NO_ANSWER}")
    assert judging.CRITERIA in judging.asked(turns, "a", "b", " ")[0]["content"]
