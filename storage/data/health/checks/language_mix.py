"""Rows whose prompt or answer is in a different script from most rows.

A set of translations, with all prompts in one script and all answers in another, is not a mix.
"""

from __future__ import annotations

from collections import Counter

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.rows.rows import Rows
from storage.data.rows.scripts import script
from templates.quantities import plural


def find(rows: Rows) -> Finding | None:
    """The rows with a prompt or answer in an unusual script for that part."""
    found: dict[int, str] = {}
    scripts: Counter[str] = Counter()
    parts = [[(row.prompt, row.answer, row.rejected or "")[part] for row in rows.rows] for part in range(3)]
    for texts in parts:
        written = [script(text) for text in texts]
        known = Counter(one for one in written if one)
        usual = known.most_common(1)[0][0] if known else None
        for i, one in enumerate(written):
            if one and one != usual and i not in found:
                found[i] = texts[i]
                scripts[one] += 1
    listed = [(rows.rows[i], found[i]) for i in sorted(found)]
    what = ", ".join(f"{name} {n:,}" for name, n in scripts.most_common())
    says = f"{plural(len(listed), 'row is', 'rows are')} in a different script from most: {what}."
    return finding(listed, len(rows.rows), says)


SPEC = Check(
    title="Language mix",
    why="A few rows are not enough to learn another language, and the score says little about them.",
    source="“Methods for adapting large language models”, part 3: general data keeps multilingual skills",
    severity=Severity(warns_from=0.01),
    unlearned="the languages with only a few rows",
    find=find,
)
