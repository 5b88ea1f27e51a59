"""Headlines about invented companies: good, bad and neutral news.

The bundled models know sentiment from opinions on soups and songs; here it is about margins, orders
and lawsuits.
"""

from __future__ import annotations

from workers.workshop.samples.grammar import Grammar, distinct_rows
from workers.workshop.samples.sample_set import Rows, SampleSet

N_EACH = 120
_MOST_ALIKE = 0.5


def rows() -> Rows:
    """The headlines, equally many of each sentiment, in mixed order."""
    grammar = Grammar("headlines")
    labels, trades = grammar.lists["sentiments"], list(grammar.lists["trades"])

    def make(label: str) -> dict[str, str]:
        trade, rival = grammar.deal(trades), grammar.deal(trades)
        given = {"co": grammar.text(f"{{stem}} {trade}"), "other": grammar.text(f"{{stem}} {rival}")}
        given["ware"] = grammar.deal(grammar.lists["trades"][trade])
        return {"text": grammar.text(grammar.deal(labels[label]), given), "sentiment": label}

    made = distinct_rows(make, labels, N_EACH, field="text", most_alike=_MOST_ALIKE)
    return grammar.random.sample(made, len(made))


SPEC = SampleSet({"headlines.csv": rows})
