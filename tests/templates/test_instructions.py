"""The instruction that says what a task is."""

from __future__ import annotations

import pytest

from templates import instructions, registry
from templates.instructions import MOST_CHARS, SHOWN_CHARS, answer_with_one_of, given, misplaced, problems, remarks

ASKED = [{"role": "user", "content": "Where is my parcel?"}]


def test_few_answers_are_listed() -> None:
    assert answer_with_one_of(["delivery", "refund"]) == "Answer with one of: delivery, refund."
    assert answer_with_one_of(["yes, gladly", "no"]) == "Answer with one of:\n- yes, gladly\n- no"


def test_one_answer_and_too_many_are_no_choice() -> None:
    assert answer_with_one_of(["refund"]) == ""
    assert answer_with_one_of([f"a rather long label {i}" for i in range(1_000)]) == ""


def test_it_is_the_system_turn_unless_the_row_has_one() -> None:
    assert given(ASKED, "Be brief.") == [{"role": "system", "content": "Be brief."}, *ASKED]
    own = [{"role": "system", "content": "Rhyme."}, *ASKED]
    assert given(own, "Be brief.") == own
    assert given(ASKED, "") == ASKED


def test_a_long_one_and_one_for_plain_text_are_refused() -> None:
    assert "at most 8,000" in problems("x" * (MOST_CHARS + 1))[0].message
    assert "plain text" in misplaced(registry.shape("text"), "Be brief.")[0].message
    assert not misplaced(registry.shape("text"), " ")
    assert not misplaced(registry.shape("messages"), "Be brief.")


def test_a_verdict_says_that_all_models_got_it() -> None:
    assert remarks("Be\nbrief.") == ["All models got the same instruction: “Be brief.”"]
    assert remarks("") == []
    assert len(remarks("x" * 1_000)[0]) < SHOWN_CHARS + 50


def test_shapes_propose_one_for_labels_only() -> None:
    proposed = {key: shape.instruction(["a", "b"]) for key, shape in registry.shapes().items()}
    assert {key for key, text in proposed.items() if text} == {"classification", "prompt_completion"}
    assert instructions.MOST_LISTED_CHARS < MOST_CHARS


def test_blanks_around_answers_are_not_listed() -> None:
    assert answer_with_one_of(["card ", "refund", " refund"]) == "Answer with one of: card, refund."
    assert answer_with_one_of(["card ", "card"]) == ""


@pytest.mark.parametrize("text", ["Be brief.\x00", "Be brief \ud83d"])
def test_characters_that_are_no_text_are_refused(text: str) -> None:
    assert "no text" in problems(text)[0].message
