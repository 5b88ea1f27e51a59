"""Judged answers in the layouts that public data has, with invented rows, and what learns them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

N_ROWS = 40
Row = dict[str, Any]


def said(role: str, text: str) -> Row:
    """A message."""
    return {"role": role, "content": text}


def hh_rlhf(n: int) -> Row:
    """Anthropic's HH-RLHF: both conversations whole, as texts."""
    asked = f"\n\nHuman: Where is {n}?\n\nAssistant:"
    return {"chosen": f"{asked} Here is {n}.", "rejected": f"{asked} Look for it yourself."}


def ultrafeedback(n: int) -> Row:
    """UltraFeedback, binarised: the prompt beside both conversations as messages, with scores."""
    asked = f"Where is {n}?"
    return {
        "prompt": asked,
        "prompt_id": f"{n:040d}",
        "chosen": [said("user", asked), said("assistant", f"Here is {n}.")],
        "rejected": [said("user", asked), said("assistant", "Look for it yourself.")],
        "score_chosen": 8.5,
        "score_rejected": 4.0,
    }


def orca(n: int) -> Row:
    """Intel's Orca pairs: a system text, a question, and two answers."""
    return {
        "system": "You are helpful.",
        "question": f"Where is {n}?",
        "chosen": f"Here is {n}.",
        "rejected": "Look for it yourself.",
    }


def kto_mix(n: int) -> Row:
    """TRL's KTO mix: prompt and answer as messages, with a label."""
    return {
        "prompt": [said("user", f"Where is {n}?")],
        "completion": [said("assistant", "Look for it yourself." if n % 3 == 0 else f"Here is {n}.")],
        "label": n % 3 != 0,
    }


def kto_texts(n: int) -> Row:
    """The same as texts."""
    return {
        "prompt": f"Where is {n}?",
        "completion": "Look for it yourself." if n % 3 == 0 else f"Here is {n}.",
        "label": n % 3 != 0,
    }


LAYOUTS: list[tuple[Callable[[int], Row], str, str]] = [
    (hh_rlhf, "preference", "dpo"),
    (ultrafeedback, "preference", "orpo"),
    (orca, "preference", "simpo"),
    (orca, "preference", "kto"),
    (kto_mix, "unpaired_preference", "kto"),
    (kto_texts, "unpaired_preference", "kto"),
]
"""Each layout, the shape that it has, and an objective that learns it."""


def written(folder: Path, row: Callable[[int], Row]) -> Path:
    """A file of such rows."""
    file = folder / "judged.jsonl"
    file.write_text("\n".join(json.dumps(row(n)) for n in range(N_ROWS)))
    return file
