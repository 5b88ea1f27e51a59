"""E-mail addresses, telephone and card numbers, IBANs, Chinese identity and mobile numbers in the texts.

Numbers with a checksum count only if it is correct. Examples show where the data is, never the data itself.
"""

from __future__ import annotations

from collections import Counter

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import Edit, Fix
from storage.data.health.personal_data import MASK, masked, replaced
from storage.data.health.personal_data import found as personal
from storage.data.rows.rows import Row, Rows
from templates.quantities import plural

_AROUND = 40
"""Characters shown before the first datum."""


def find(rows: Rows) -> Finding | None:
    """The rows that contain personal data."""
    found: list[tuple[Row, str]] = []
    kinds: Counter[str] = Counter()
    for row in rows.rows:
        text = "\n".join(row.texts)
        data = list(personal(text))
        if data:
            kinds.update({datum.kind for datum in data})
            hidden = masked(text)
            names = ", ".join(sorted({datum.kind for datum in data}))
            found.append((row, f"{names}: {hidden[max(0, hidden.index(MASK) - _AROUND) :]}"))
    what = ", ".join(f"{kind} in {n:,}" for kind, n in kinds.most_common())
    says = f"{plural(len(found), 'row contains', 'rows contain')} personal data: {what}."
    return finding(found, len(rows.rows), says)


SPEC = Check(
    title="Personal data",
    why="A model can repeat its training data word for word to anyone who asks.",
    source="a studio rule; checksums by ISO/IEC 7812 (cards), ISO 13616 (IBAN), GB 11643 (Chinese ID)",
    severity=Severity(),
    unlearned="to keep personal data to itself",
    find=find,
    fix=Fix("Replace each item with its kind", lambda _rows, _finding: Edit(texts=replaced), rewrites=True),
)
