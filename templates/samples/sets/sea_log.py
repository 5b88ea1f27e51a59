"""Continued pretraining on a language of its own: the logbooks of a coast whose words no model has read.

Weather and sea as keepers and mates of an invented coast write them down. Passages of six kinds are put
together so that no nine words in a row stand in two of them, numbers aside: a model that predicts the
held-out passages better has learned the language, not the sentences.
"""

from __future__ import annotations

from templates.samples.phrasebook import Phrasebook, runs
from templates.samples.sample import Rows, Sample, SampleFile

N_ROWS = 240
RUN = 9
_MOST_TRIES = 500


def rows() -> Rows:
    """The passages, of all kinds in turn."""
    book = Phrasebook("sea_log")
    kinds = list(book.lists["passages"].values())
    taken: set[tuple[str, ...]] = set()
    made = []
    for place in range(N_ROWS):
        text = _passage(book, kinds[place % len(kinds)], taken)
        taken |= runs(text, RUN)
        made.append({"text": text})
    return book.random.sample(made, len(made))


def _passage(book: Phrasebook, plans: list[str], taken: set[tuple[str, ...]]) -> str:
    for _ in range(_MOST_TRIES):
        text = book.text(book.deal(plans))
        found = runs(text, RUN)
        if taken.isdisjoint(found):
            return text
    raise RuntimeError(f"too few parts for another passage: {text}")


SPEC = Sample(
    title="Sea log",
    shape="text",
    files=(SampleFile("sea_log.txt", N_ROWS, rows),),
)
