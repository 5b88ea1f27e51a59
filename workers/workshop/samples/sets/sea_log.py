"""Logbooks of an invented coast: weather and sea in words that no model has read.

No two passages share nine words in a row (numbers aside), so a model that predicts the held-out passages
better has learned the language, not the sentences.
"""

from __future__ import annotations

from workers.workshop.samples.grammar import Grammar, runs
from workers.workshop.samples.sample_set import Rows, SampleSet

N_ROWS = 240
RUN = 9
_MOST_TRIES = 500


def rows() -> Rows:
    """The passages, of all kinds in turn."""
    grammar = Grammar("sea_log")
    kinds = list(grammar.lists["passages"].values())
    taken: set[tuple[str, ...]] = set()
    made = []
    for place in range(N_ROWS):
        text = _passage(grammar, kinds[place % len(kinds)], taken)
        taken |= runs(text, RUN)
        made.append({"text": text})
    return grammar.random.sample(made, len(made))


def _passage(grammar: Grammar, plans: list[str], taken: set[tuple[str, ...]]) -> str:
    for _ in range(_MOST_TRIES):
        text = grammar.text(grammar.deal(plans))
        found = runs(text, RUN)
        if taken.isdisjoint(found):
            return text
    raise RuntimeError(f"too few parts for another passage: {text}")


SPEC = SampleSet({"sea_log.txt": rows})
