"""What is said of the rows that can be looked at."""

import pytest

from app.pages.rendered import SAMPLE_ROWS, Sample


@pytest.mark.parametrize(
    ("shown", "n_rows", "says"),
    [(40, 44, "40"), (SAMPLE_ROWS, 10_003, "the first 1,000"), (SAMPLE_ROWS, 1000, "1,000")],
)
def test_a_sample_says_that_it_is_one(shown: int, n_rows: int, says: str) -> None:
    assert Sample("text", [{"text": "x"}] * shown, n_rows).extent == says
