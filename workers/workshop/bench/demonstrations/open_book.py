"""Open book: questions about documents that no model has read, without and with the best passages found.

Each document is about one entity with a unique name. Okapi BM25 (Robertson and Zaragoza 2009) finds the
documents for a question, which go before it in the prompt; no weights change.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from storage.runs.bootstrap import paired_shares, wilson
from workers.workshop.bench import sample_rows
from workers.workshop.bench.outcome import Measurement, Outcome
from workers.workshop.bench.setup import Demonstration, Question, Setup
from workers.workshop.world.abilities.reading import LAYOUTS
from workers.workshop.world.ability import asked

N_QUESTIONS = 240
TOP = 2
"""Number of documents before a question."""
SATURATION, LENGTH_WEIGHT = 1.5, 0.75
"""k1 and b of BM25."""


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


class Index:
    """Okapi BM25 over some documents."""

    def __init__(self, documents: Sequence[str]):
        self._counts = [Counter(_words(document)) for document in documents]
        lengths = [count.total() for count in self._counts]
        mean = sum(lengths) / len(lengths)
        self._norms = [SATURATION * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * n / mean) for n in lengths]
        frequencies = Counter(word for count in self._counts for word in count)
        n = len(documents)
        self._rarity = {word: math.log(1 + (n - f + 0.5) / (f + 0.5)) for word, f in frequencies.items()}

    def best(self, query: str, n: int) -> list[int]:
        """Indices of the `n` best documents, best first; ties in the documents' order."""
        words = [word for word in _words(query) if word in self._rarity]
        scores = [
            sum(self._rarity[w] * count[w] * (SATURATION + 1) / (count[w] + norm) for w in words)
            for count, norm in zip(self._counts, self._norms, strict=True)
        ]
        return sorted(range(len(scores)), key=lambda place: -scores[place])[:n]


def run(setup: Setup) -> Outcome:
    """Ask the same questions closed book and open book."""
    documents = sample_rows.rows("documents")
    asked_of = sample_rows.rows("documents_questions")[: setup.n(N_QUESTIONS)]
    index = Index([document["text"] for document in documents])
    closed, opened, found = [], [], 0
    for place, row in enumerate(asked_of):
        passages = [documents[best] for best in index.best(row["question"], TOP)]
        found += row["document"] in (passage["id"] for passage in passages)
        text = " ".join(passage["text"] for passage in passages)
        prompt = setup.draw("open book", place).phrase(LAYOUTS).format(text=text, question=row["question"])
        closed.append(Question(asked(row["question"], row["answer"])[:1], row["answer"]))
        opened.append(Question(asked(prompt, row["answer"])[:1], row["answer"]))
    model = setup.load(setup.small)
    setup.say(f"{len(closed)} questions, closed book")
    without = setup.right(model, setup.small, closed)
    setup.say(f"{len(opened)} questions, open book")
    pair = paired_shares(without, setup.right(model, setup.small, opened))
    return Outcome(
        rows=(
            Measurement.paired("right answers, closed → open book", len(opened), pair),
            Measurement.alone(f"right document among the best {TOP}", len(opened), wilson(found, len(opened))),
        ),
        forgetting=None,
        settings={"documents": len(documents), "retriever": "BM25", "k1": SATURATION, "b": LENGTH_WEIGHT, "top": TOP},
        verdict=f"With the passages {pair.adapted.value:.0%} are right, without them {pair.base.value:.0%}.",
        target="open book surely better than closed book",
        met=pair.difference.low > 0,
    )


SPEC = Demonstration(title="Open book: answers that are not in the weights", run=run)
