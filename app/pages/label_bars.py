"""The probabilities of labels below an answer: kept with a conversation, and shown as bars."""

from __future__ import annotations

import json
from typing import Any

from app.chat_client import Info

SHOWN = 5
"""Labels with a bar."""


def kept(info: Info | None) -> dict[str, str]:
    """What a turn keeps of an answer's labels; nothing for a free answer."""
    return {"labels": json.dumps(info.labels)} if info and info.labels else {}


def shown(kept_labels: str) -> dict[str, Any] | None:
    """The likeliest labels and the share of all others; None for a free answer, or if the browser kept no such text."""
    try:
        told = json.loads(kept_labels) if kept_labels else None
        if not told:
            return None
        shares = [_share(one["probability"]) for one in told["probabilities"]]
        bars = [
            {"label": str(one["label"]), "probability": _share(one["probability"])} for one in told["probabilities"]
        ]
        n_labels, threshold = int(told["n_labels"]), told["threshold"]
        is_sure = None if told["is_sure"] is None else bool(told["is_sure"])
        of, least = str(told["of"]), None if threshold is None else _share(threshold)
    except (ValueError, TypeError, KeyError):
        return None
    first = bars[:SHOWN]
    return {
        "of": of,
        "shown": first,
        "rest": max(0, n_labels - len(first)),
        "rest_share": max(0.0, 1.0 - sum(shares[:SHOWN])),
        "threshold": least,
        "is_sure": is_sure,
    }


def _share(value: Any) -> float:
    return min(1.0, max(0.0, float(value)))
