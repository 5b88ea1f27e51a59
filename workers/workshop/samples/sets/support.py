"""Questions to a town library, and answers that follow its rules in one tone.

The kind of question determines the answer, which repeats the thing asked about, so right answers can be
told from wrong ones word by word.
"""

from __future__ import annotations

from workers.workshop.samples.grammar import Grammar, distinct_rows, noun
from workers.workshop.samples.sample_set import Rows, SampleSet

N_EACH = 12
_MOST_ALIKE = 0.55
_FRAMES = ("{ask}", "{ask}", "{ask}", "{hello} {ask}", "{ask} {bye}", "{why} {ask}")


def rows() -> Rows:
    """Questions and answers, equally many on each topic, in mixed order."""
    grammar = Grammar("support")
    topics = grammar.lists["topics"]
    frames = list(_FRAMES)

    def make(topic: str) -> dict[str, str]:
        parts = topics[topic]
        given = noun(grammar.deal(grammar.lists["items"]))
        given["day"] = grammar.deal(grammar.lists["days"])
        given["ask"] = grammar.fill(grammar.deal(parts["ask"]), given)
        return {
            "prompt": grammar.text(grammar.deal(frames), given),
            "completion": grammar.text(parts["answer"], given),
        }

    made = distinct_rows(make, topics, N_EACH, field="prompt", most_alike=_MOST_ALIKE)
    return grammar.random.sample(made, len(made))


SPEC = SampleSet({"support.csv": rows})
