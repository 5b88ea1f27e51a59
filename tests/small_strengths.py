"""What a measurement of strengths comes to: ¾ keeps the task, and loses less in general."""

from __future__ import annotations

from typing import Any

STRENGTHS = [0.0, 0.25, 0.5, 0.75, 1.0]
TASK, GENERAL = [0.1, 0.3, 0.6, 0.83, 0.85], [0.9, 0.88, 0.8, 0.5, 0.2]


def around(value: float) -> dict[str, float]:
    """A value with its interval."""
    return {"value": value, "low": value - 0.05, "high": value + 0.05}


def small_strengths() -> dict[str, Any]:
    """The job's result."""
    points = [
        {
            "strength": strength,
            "metrics": {"label_accuracy": around(value)},
            "against_full": {"label_accuracy": around(value - TASK[-1])},
            "against_base": {"label_accuracy": around(value - TASK[0])},
        }
        for strength, value in zip(STRENGTHS, TASK, strict=True)
    ]
    general = [
        {
            "strength": s,
            "mean": around(v),
            "against_full": around(v - GENERAL[-1]),
            "against_base": around(v - GENERAL[0]),
        }
        for s, v in zip(STRENGTHS, GENERAL, strict=True)
    ]
    tickets = {"name": "tickets", "headline": "label_accuracy", "n_rows": 9, "n_answered": 9, "points": points}
    return {
        "model": "tickets-lora", "weights_sha256": "ab" * 32, "strengths": STRENGTHS, "learned": True,
        "datasets": [tickets], "general": {"suite": "general", "sha256": "s", "n": 36, "points": general}, "own": None,
        "recommended": 0.75, "rule": "The rule.", "sentence": "Use strength 0.75: it loses less.",
        "remarks": ["The training also learned these rows."],
    }  # fmt: skip
