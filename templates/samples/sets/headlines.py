"""Telling good, bad and neutral news for investors: sentiment in words that everyday texts do not use.

Headlines about invented companies. The bundled models know sentiment from opinions on soups and songs;
here the feeling lies in margins, orders and lawsuits.
"""

from __future__ import annotations

from templates.samples.phrasebook import Phrasebook, apart
from templates.samples.sample import Rows, Sample, SampleFile

N_EACH = 120
_MOST_ALIKE = 0.5


def rows() -> Rows:
    """The headlines, as many of each sentiment, in mixed order."""
    book = Phrasebook("headlines")
    labels, trades = book.lists["sentiments"], list(book.lists["trades"])

    def make(label: str) -> dict[str, str]:
        trade, rival = book.deal(trades), book.deal(trades)
        given = {"co": book.text(f"{{stem}} {trade}"), "other": book.text(f"{{stem}} {rival}")}
        given["ware"] = book.deal(book.lists["trades"][trade])
        return {"text": book.text(book.deal(labels[label]), given), "sentiment": label}

    made = apart(make, labels, N_EACH, field="text", most_alike=_MOST_ALIKE)
    return book.random.sample(made, len(made))


SPEC = Sample(
    title="Finance headlines",
    shape="classification",
    files=(SampleFile("headlines.csv", 3 * N_EACH, rows),),
)
