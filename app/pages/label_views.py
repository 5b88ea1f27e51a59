"""The part of a verdict on answers that are labels: confusions, each label, and how far to trust probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from app import label_charts
from app.formats import number, percent
from app.markup import html

PAIRS = 8
"""Confused pairs that are listed at once; the others are folded."""
Interval = Mapping[str, float]


def block(found: Mapping[str, Any] | None, parent: str = "") -> Markup:
    """Everything beyond the share of right answers; empty without labels. It is compared with the result `parent`."""
    if not found:
        return Markup("")
    labels = [one["label"] for one in found["labels"]]
    pairs = label_charts.confused_pairs(found["confusions"])
    calibration = found["calibration"]
    return html(
        "verdicts/labels",
        found=found,
        sure=_sure(found["sure"]),
        pairs=pairs[:PAIRS],
        more_pairs=pairs[PAIRS:],
        matrix=label_charts.confusion_matrix(found["confusions"], labels),
        by_label=_by_label(found["labels"]),
        reliability=label_charts.reliability(calibration["bins"], calibration["bins_fitted"]) if calibration else "",
        trust=_trust(calibration) if calibration else [],
        before=parent or "base",
    )


def _share(found: Interval | None) -> str:
    return f"{percent(found['value'])} [{100 * found['low']:.0f}, {100 * found['high']:.0f}]" if found else "–"


def _number(found: Interval) -> str:
    return f"{number(found['value'])} [{number(found['low'])}, {number(found['high'])}]"


def _sure(sure: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts about “don't know”; none without a threshold."""
    if sure["threshold"] is None:
        return []
    return [
        ("“Don’t know” below", percent(sure["threshold"]) if sure["threshold"] else "never: it is right often enough"),
        ("Answered", f"{_share(sure['share'])} of the held-out rows"),
        ("Right among the answered", _share(sure["right"])),
        ("Wanted", f"{percent(sure['wanted'])}, chosen on {sure['n_selected']:,} rows set aside"),
    ]


def _by_label(labels: list[Mapping[str, Any]]) -> list[list[str]]:
    """Each label's figures, those with the lowest recall first."""
    ordered = sorted(labels, key=lambda one: (one["recall"]["value"] if one["recall"] else 2.0, one["label"]))
    return [
        [
            one["label"],
            f"{one['n']:,}",
            f"{_share(one['recall'])} ({one['n_right']:,} of {one['n']:,})",
            f"{_share(one['precision'])} ({one['n_right']:,} of {one['n_given']:,})",
            f"{one['n_training']:,}",
        ]
        for one in ordered
    ]


def _trust(found: Mapping[str, Any]) -> list[list[str]]:
    """Calibration of base and result, as the probabilities are and at each one's fitted temperature."""
    rows = []
    for title, name, shown in (
        ("Calibration error (ECE)", "error", _share),
        ("Log loss, nats per answer", "log_loss", _number),
    ):
        for how, key in (("as they are", name), ("temperature fitted", f"{name}_fitted")):
            pair = found[key]
            rows.append([f"{title}, {how}", shown(pair["base"]), shown(pair["adapted"])])
    temperatures = (number(found[key]) for key in ("base_temperature", "temperature"))
    return [*rows, ["Fitted temperature", *temperatures]]
