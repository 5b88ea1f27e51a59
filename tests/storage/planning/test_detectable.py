"""What a number of held-out rows could show."""

from __future__ import annotations

import math

from storage.planning import detectable


def test_the_smallest_difference_falls_with_the_square_root_of_the_rows() -> None:
    found = detectable.of(136, 136)
    assert found.points == round(100 * 2.8 * math.sqrt(0.25 / 136), 1) == 12.0
    assert detectable.of(4 * 136, 4 * 136).points == 6.0
    assert (
        found.sentence
        == "With 136 held-out rows, the verdict can reliably detect only differences of about 12 points or more"
    )


def test_groups_count_once() -> None:
    grouped = detectable.of(200, 50)
    assert grouped.points == detectable.of(50, 50).points
    assert "With 200 held-out rows in 50 groups of related rows" in grouped.sentence


def test_too_few_rows_could_show_nothing() -> None:
    assert detectable.of(9, 9).points is None
    assert "can only be “can’t tell”" in detectable.of(1, 1).sentence
    assert detectable.of(1, 1).sentence.startswith("With 1 held-out row,")
