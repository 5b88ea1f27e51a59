"""Whole sentences that answer unrelated prompts, and answers that are all the same.

One sentence for many phrasings of the same question is not boilerplate: those prompts share a word that is
rare in other prompts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from storage.data.health.check import Check, Finding, Severity, finding
from storage.data.health.fix import dropping
from storage.data.rows.comparable import normalised
from storage.data.rows.rows import Rows
from templates.quantities import plural

FEWEST_ROWS = 5
SHARE = 0.01
SENTENCE = 20
"""In characters; a Chinese, Japanese or Korean one counts as two."""
_WIDE_FROM = "\u2e80"
TOPIC_SHARE, TOPIC_LIFT, TOPIC_ROWS = 0.3, 3.0, 3
"""A word is the topic of prompts when this share has it, this many times as often as others, and at least this many."""
_WORD = re.compile(r"[^\W_\u2e80-\ud7ff]{3,}|(?=([\u2e80-\ud7ff]{2}))")


def find(rows: Rows) -> Finding | None:
    """The rows that share their answer with many other prompts."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows.rows):
        if row.answers:
            places[normalised(row.answer)].append(i)
    if len(places) == 1 and len(rows.answered) > 1:
        found = [(row, row.answer) for row in rows.answered]
        return finding(found, len(found), "All answers are the same, so there is nothing to distinguish.")
    if rows.labelled:
        return None
    fewest = max(FEWEST_ROWS, SHARE * len(rows.answered))
    repeated = [
        same
        for answer, same in places.items()
        if len({rows.prompts[i] for i in same}) >= fewest and _width(answer) >= SENTENCE
    ]
    unrelated = _without_topic(rows.prompts, repeated)
    found = [(rows.rows[i], rows.rows[i].answer) for i in sorted(i for same in unrelated for i in same)]
    says = (
        f"{plural(len(unrelated), 'sentence answers', 'sentences answer')} unrelated prompts alike, "
        f"in {plural(len(found), 'row', 'rows')}."
    )
    return finding(found, len(rows.answered) or 1, says)


def _width(text: str) -> int:
    return sum(2 if c >= _WIDE_FROM else 1 for c in text)


def _without_topic(prompts: Sequence[str], groups: list[list[int]]) -> list[list[int]]:
    """The groups of positions whose prompts share no word that is rare elsewhere."""
    if not groups:
        return []
    everywhere = Counter(word for prompt in prompts for word in _words(prompt))
    unrelated = []
    for group in groups:
        here = Counter(word for i in group for word in _words(prompts[i]))
        topics = (
            n >= max(TOPIC_ROWS, TOPIC_SHARE * len(group))
            and n / len(group) >= TOPIC_LIFT * everywhere[word] / len(prompts)
            for word, n in here.items()
        )
        if not any(topics):
            unrelated.append(group)
    return unrelated


def _words(prompt: str) -> set[str]:
    """The words of a text; pairs of characters where a script writes no spaces."""
    return {match.group() or match.group(1) for match in _WORD.finditer(prompt)}


SPEC = Check(
    title="Constant and boilerplate answers",
    why="An answer that does not depend on its prompt teaches the model to ignore the prompt.",
    source="“Methods for adapting large language models”, part 3: every answer derivable from its input",
    severity=Severity(misleads_from=0.5),
    unlearned="to let its answers depend on these prompts",
    find=find,
    fix=dropping("Drop the rows"),
)
