"""The confusion matrix and the reliability diagram."""

from __future__ import annotations

import re

from app import label_charts
from app.label_charts import MOST_DRAWN

CELLS = [
    {"expected": "a", "given": "a", "n": 7},
    {"expected": "a", "given": "b<i>", "n": 3},
    {"expected": "b<i>", "given": "b<i>", "n": 4},
]


def numbers(chart: str) -> list[int]:
    """The rows in the cells."""
    return [int(n) for n in re.findall(r'<g class="cell.*?text-anchor="middle">(\d+)</text></g>', chart)]


def test_every_row_is_in_the_matrix() -> None:
    made = label_charts.confusion_matrix(CELLS, ["a", "b<i>"])
    assert sorted(numbers(made)) == [3, 4, 7]
    assert made.count('class="cell wrong"') == 1
    assert "<i>" not in made
    assert "a → b&lt;i&gt;: 3 of 10" in made


def test_of_many_labels_the_most_confused_are_drawn() -> None:
    labels = [f"label{i:02}" for i in range(77)]
    cells = [{"expected": label, "given": label, "n": 5} for label in labels]
    cells += [{"expected": "label40", "given": f"label{i:02}", "n": 2} for i in range(3)]
    cells += [{"expected": f"label{i}", "given": f"label{i + 1}", "n": 1} for i in range(50, 76)]
    made = label_charts.confusion_matrix(cells, labels)
    assert sum(numbers(made)) == sum(cell["n"] for cell in cells), "nothing is left out"
    assert "label40" in made
    assert "all others" in made
    n_rows = made.count('<rect class="empty"')
    assert n_rows == MOST_DRAWN
    said = re.search(r"Within “all others”, (\d+) more", made)
    assert said
    assert int(said[1]) == sum(
        cell["n"]
        for cell in cells
        if cell["expected"] != cell["given"]
        and f">{cell['expected']}<" not in made
        and f">{cell['given']}<" not in made
    )


def test_pairs_come_with_the_most_frequent_first() -> None:
    more = [*CELLS, {"expected": "c", "given": "a", "n": 5}]
    assert label_charts.confused_pairs(more) == [("c", "a", 5, 5), ("a", "b<i>", 3, 10)]


def test_nothing_confused_is_said() -> None:
    assert "nothing is confused" in label_charts.confusion_matrix(CELLS[:1], ["a"])


def test_each_bin_is_a_dot_with_its_interval() -> None:
    one = {"n": 30, "confidence": 0.9, "right": {"value": 0.8, "low": 0.6, "high": 0.9}}
    made = label_charts.reliability([one], [{**one, "confidence": 0.8}])
    assert made.count("<circle") == 2
    assert "as they are: 30 answers with 90 % confidence, 80 % right" in made
