"""Verdicts on labels and label probabilities in chat, as pages show them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.pages import label_bars, label_views, panes, verdicts
from app.pages.conversations import read, written

SCORE = {"value": 0.8, "low": 0.7, "high": 0.9}
PAIR = {"base": {**SCORE, "value": 0.2, "low": 0.1, "high": 0.3}, "adapted": SCORE, "difference": SCORE}
FOUND: dict[str, Any] = {
    "n": 10,
    "n_labels": 2,
    "macro_f1": PAIR,
    "labels": [
        {"label": "refund", "n": 6, "n_training": 40, "n_given": 5, "n_right": 5, "precision": SCORE, "recall": SCORE},
        {"label": "new", "n": 4, "n_training": 0, "n_given": 0, "n_right": 0, "precision": None, "recall": SCORE},
    ],
    "confusions": [{"expected": "refund", "given": "refund", "n": 5}, {"expected": "new", "given": "refund", "n": 4}],
    "unseen": {"new": 4},
    "calibration": {
        "temperature": 1.7,
        "base_temperature": 2.0,
        **dict.fromkeys(("log_loss", "log_loss_fitted", "error", "error_fitted"), PAIR),
        "bins": [{"low": 0.8, "high": 0.9, "n": 10, "confidence": 0.85, "right": SCORE}],
        "bins_fitted": [{"low": 0.7, "high": 0.8, "n": 10, "confidence": 0.78, "right": SCORE}],
    },
    "sure": {"wanted": 0.95, "threshold": 0.62, "n_selected": 44, "n_answered": 7, "share": SCORE, "right": SCORE},
    "sentence": "Macro-F1 80 %.",
    "remarks": ["4 held-out rows have labels that the model never learned."],
}


def test_a_verdict_on_labels_is_shown() -> None:
    made = label_views.block(FOUND)
    for words in (
        "Macro-F1: the mean",
        "62 %",
        "new</b> →",
        "4 of 4 rows",
        "0 of 4",
        "Fitted temperature",
        "44 rows set aside",
    ):
        assert words in made
    assert "never learned" in made
    whole = {"sentence": "Better.", "metrics": {}, "headline": "label_accuracy", "verdict": "better"}
    assert made in verdicts.block({**whole, "classification": FOUND})
    assert "Its answers are labels" not in verdicts.block(whole)


def test_without_threshold_and_calibration_it_says_so_little() -> None:
    sure = {"wanted": 0.95, "threshold": None, "n_selected": 3, "n_answered": 0, "share": None, "right": None}
    made = label_views.block({**FOUND, "calibration": None, "sure": sure})
    assert "Reliability" not in made
    assert "Don’t know" not in made
    assert "Macro-F1 80 %." in made


TOLD = {
    "of": "sorter",
    "n_labels": 9,
    "temperature": 1.5,
    "threshold": 0.6,
    "is_sure": False,
    "probabilities": [{"label": f"<b>{i}", "probability": 0.3 / (i + 1)} for i in range(7)],
}


def test_an_unsure_answer_says_that_it_does_not_know() -> None:
    talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "<b>0", "labels": json.dumps(TOLD)}]
    kept = read(written([talk], ["a"]), ["a"], 1)
    assert kept[0] == talk, "the bars stay when the conversation goes on"
    made = panes.conversation(kept[0])
    assert "Don’t know." in made
    assert "60 %" in made
    assert "&lt;b&gt;0" in made
    assert "<b>0" not in made
    assert "4 other labels" in made
    assert "Don’t know" not in panes.conversation(
        [talk[0], {**talk[1], "labels": json.dumps({**TOLD, "is_sure": True})}]
    )


@pytest.mark.parametrize("kept", ["", "{", "[]", "1", '{"probabilities": 3}', json.dumps({**TOLD, "n_labels": None})])
def test_what_the_browser_made_up_is_not_shown(kept: str) -> None:
    assert label_bars.shown(kept) is None


def test_the_form_of_the_verdict_is_the_one_that_is_shown() -> None:
    from workers.classification.label_verdict import LabelVerdict

    assert LabelVerdict.model_validate(FOUND).model_dump(mode="json")["sure"] == FOUND["sure"]
