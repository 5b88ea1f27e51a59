"""chrF on single answers."""

from __future__ import annotations

import pytest

from workers.evaluation.similarity import chrf


def test_equal_texts_are_fully_similar_and_nothing_is_not() -> None:
    assert chrf(["", "the cat sat", "", "日本語"], ["", "the cat sat", "the cat sat", "日本語"]).tolist() == [
        1,
        1,
        0,
        1,
    ]


def test_nearly_right_is_more_similar_than_wrong() -> None:
    near, far = chrf(["The library opens at nine.", "zzz"], ["The library opens at ten."] * 2)
    assert 0.6 < near < 1
    assert far == 0


def test_the_value_is_sacrebleus() -> None:
    from sacrebleu import sentence_chrf

    assert chrf(["the cat"], ["the cat sat"])[0] == pytest.approx(sentence_chrf("the cat", ["the cat sat"]).score / 100)
