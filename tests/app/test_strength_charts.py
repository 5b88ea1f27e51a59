"""The chart of what less strength keeps: every point with its intervals, and a unit on each axis."""

from __future__ import annotations

from app import strength_charts
from tests.small_strengths import small_strengths


def test_every_strength_has_a_point_with_whiskers_both_ways() -> None:
    result = small_strengths()
    drawn = strength_charts.tradeoff(result, result["datasets"][0])
    assert drawn.count('<g class="strength') == 5
    assert drawn.count('class="ring"') == 1
    for name in ("base", "¼", "½", "¾", "full"):
        assert f">{name}</text>" in drawn
    assert "strength 0.5: Label accuracy 60 % [55, 65], general abilities 80 % [75, 85]" in drawn
    assert drawn.count("%</text>") >= 6, "both axes are in per cent"
    assert "general abilities right" in drawn
    assert "the ring marks the recommended strength" in drawn


def test_without_a_recommendation_there_is_no_ring_and_a_loss_has_its_unit() -> None:
    result = small_strengths() | {"recommended": None}
    tickets = result["datasets"][0] | {"headline": "loss"}
    for point in tickets["points"]:
        point["metrics"] = {"loss": point["metrics"]["label_accuracy"]}
    drawn = strength_charts.tradeoff(result, tickets)
    assert "ring" not in drawn
    assert "Loss in nats per token, lower is better on tickets" in drawn
