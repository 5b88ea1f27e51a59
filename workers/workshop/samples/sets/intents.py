"""Messages to a shop's help desk, each with its intent.

The intents and their names occur nowhere in the bundled models' training data: the untouched model scores
zero, and adaptation shows at once.
"""

from __future__ import annotations

from workers.workshop.samples.grammar import Grammar, distinct_rows, noun
from workers.workshop.samples.sample_set import Rows, SampleSet

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
    """The messages, equally many of each intent, in mixed order."""
    grammar = Grammar("intents")
    frames = list(_FRAMES)

    def make(intent: str) -> dict[str, str]:
        given = noun(grammar.deal(grammar.lists["items"]))
        parts = grammar.lists["intents"][intent]
        given |= {
            "ask": grammar.fill(grammar.deal(parts["ask"]), given),
            "why": grammar.fill(grammar.deal(parts["why"]), given),
        }
        return {"text": grammar.text(grammar.deal(frames), given), "intent": intent}

    made = distinct_rows(make, grammar.lists["intents"], N_EACH, field="text", most_alike=_MOST_ALIKE)
    return grammar.random.sample(made, len(made))


SPEC = SampleSet({"intents.csv": rows})
