"""Short texts about people, cities, companies and products that no model has read about, and questions on them.

Without the documents no model can answer; each question names the document that holds its answer.
"""

from __future__ import annotations

from functools import cache

from workers.workshop.samples import world_rows
from workers.workshop.samples.sample_set import Rows, SampleSet
from workers.workshop.world.draw import Draw
from workers.workshop.world.texts import Entity, Text, about_one

N_DOCUMENTS = 160
N_QUESTIONS = 240
_TOLD = (3, 5)


def _first(text: Text) -> str:
    return text.entities[0].subject.split()[0]


def _told(draw: Draw) -> Text:
    return about_one(draw, draw.whole(*_TOLD))


@cache
def _texts() -> tuple[Text, ...]:
    """Texts whose subjects begin with different words."""
    draw = world_rows.draw("documents")
    taken: set[str] = set()
    return tuple(world_rows.different(lambda: _told(draw), _first, taken) for _ in range(N_DOCUMENTS))


def _id(place: int) -> str:
    return f"d{place + 1:03}"


def documents() -> Rows:
    """The documents."""
    return [{"id": _id(i), "title": t.entities[0].subject, "text": t.text} for i, t in enumerate(_texts())]


def questions() -> Rows:
    """One question about each document, and a second one about some, in mixed order."""
    draw = world_rows.draw("documents questions")
    second = draw.sample(range(N_DOCUMENTS), N_QUESTIONS - N_DOCUMENTS)
    made = []
    for place, text in enumerate(_texts()):
        entity: Entity = text.entities[0]
        for relation in draw.sample(list(entity.told), 2 if place in second else 1):
            question, answer = relation.ask(draw, entity.subject), f"{entity.told[relation]}."
            made.append({"question": question, "document": _id(place), "answer": answer})
    return draw.shuffled(made)


SPEC = SampleSet({"documents.jsonl": documents, "documents_questions.jsonl": questions})
