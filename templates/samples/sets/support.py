"""Answering readers of a town library by its own rules and in one tone, which no base model can know.

The answer follows from the question: its kind decides what is said, and the thing asked about is named
again. So a right answer can be told from a wrong one word by word.
"""

from __future__ import annotations

from templates.samples.phrasebook import Phrasebook, apart, noun
from templates.samples.sample import Rows, Sample, SampleFile

N_EACH = 12
N_TOPICS = 20
_MOST_ALIKE = 0.55
_FRAMES = ("{ask}", "{ask}", "{ask}", "{hello} {ask}", "{ask} {bye}", "{why} {ask}")


def rows() -> Rows:
    """Questions and answers, as many on each topic, in mixed order."""
    book = Phrasebook("support")
    topics = book.lists["topics"]
    frames = list(_FRAMES)

    def make(topic: str) -> dict[str, str]:
        parts = topics[topic]
        given = noun(book.deal(book.lists["items"]))
        given["day"] = book.deal(book.lists["days"])
        given["ask"] = book.fill(book.deal(parts["ask"]), given)
        return {
            "prompt": book.text(book.deal(frames), given),
            "completion": book.text(parts["answer"], given),
        }

    made = apart(make, topics, N_EACH, field="prompt", most_alike=_MOST_ALIKE)
    return book.random.sample(made, len(made))


SPEC = Sample(
    title="Library answers",
    shape="prompt_completion",
    files=(SampleFile("support.csv", N_EACH * N_TOPICS, rows),),
)
