"""Tables as text, for terminals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def cell(interval: Mapping[str, float] | None) -> str:
    """`98 % [95, 99]`; one digit more where the value or its interval is narrow."""
    if interval is None:
        return "–"
    value, low, high = (100 * interval[key] for key in ("value", "low", "high"))
    digits = 1 if high - low < 2 else 0
    return f"{value:.{digits}f} % [{low:.{digits}f}, {high:.{digits}f}]"


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: the first column to the left, the others to the right."""
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))]).rstrip()
        for line in table
    ]
