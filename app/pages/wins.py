"""How a result's answers do against another model's, in rows for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.text_tables import cell
from templates.quantities import plural

NOT_EQUAL = "can’t tell: hardly any answers of the two models are equally long"


def rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was measured, and how much."""
    lost = found["n"] - found["won"] - found["tied"]
    before, after = (found["length"][side] for side in ("base", "adapted"))
    even = found["at_equal_length"]
    return [
        ("Win rate", f"{cell(found['rate'])} on {plural(found['n'], 'prompt')}"),
        ("Won, tied, lost", f"{found['won']:,}, {found['tied']:,}, {lost:,}"),
        ("Win rate at equal length", cell(even) if even else NOT_EQUAL),
        ("Characters of an answer", f"{before['value']:.0f} before, {_characters(after)} after"),
    ]


def _characters(found: Mapping[str, float]) -> str:
    return f"{found['value']:.0f} [{found['low']:.0f}, {found['high']:.0f}]"
