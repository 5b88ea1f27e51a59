"""Sorting customers' messages into ten intents: labels that the base model has never seen.

Messages to the help desk of a shop. The intents and their names occur nowhere in what the bundled
models were trained on, so the untouched model scores nothing, and adapting it shows at once.
"""

from __future__ import annotations

from templates.samples.phrasebook import Phrasebook, apart, noun
from templates.samples.sample import Rows, Sample, SampleFile

N_EACH = 54
_MOST_ALIKE = 0.5
_FRAMES = (
    "{ask}",
    "{ask}",
    "{hello} {ask}",
    "{ask} {bye}",
    "{hello} {ask} {bye}",
    "{why} {ask}",
    "{ask} {why}",
)


def rows() -> Rows:
    """The messages, as many of each intent, in mixed order."""
    book = Phrasebook("intents")
    frames = list(_FRAMES)

    def make(intent: str) -> dict[str, str]:
        given = noun(book.deal(book.lists["items"]))
        parts = book.lists["intents"][intent]
        given |= {"ask": book.fill(book.deal(parts["ask"]), given), "why": book.fill(book.deal(parts["why"]), given)}
        return {"text": book.text(book.deal(frames), given), "intent": intent}

    made = apart(make, book.lists["intents"], N_EACH, field="text", most_alike=_MOST_ALIKE)
    return book.random.sample(made, len(made))


SPEC = Sample(
    title="Shop messages",
    shape="classification",
    files=(SampleFile("intents.csv", 10 * N_EACH, rows),),
)
