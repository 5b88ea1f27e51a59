"""Short texts about new entities, and questions about them."""

from __future__ import annotations

from dataclasses import dataclass

from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.relations import Relation, relations

_ASIDES = Phrases(
    (
        "It was a quiet morning.",
        "The weather was fine that day.",
        "Many people know this.",
        "This was reported last week.",
        "The story is well known.",
        "Nobody was surprised.",
        "It is a simple fact.",
        "The year was a good one.",
        "Here is some more information.",
        "Visitors often ask about it.",
        "Everything else is unknown.",
        "That is all we heard.",
    ),
    ("The neighbours talk about it a lot.", "Nothing has changed since then."),
)
IN_A_SENTENCE = (
    " Answer in a full sentence.",
    " Answer with a whole sentence.",
    " Use a full sentence.",
    " Please reply in a sentence.",
    " Give a complete sentence.",
)


@dataclass(frozen=True)
class Question:
    """A question about a relation of a subject; `value` is None where the text does not say."""

    relation: Relation
    subject: str
    value: str | None


@dataclass(frozen=True)
class Entity:
    """An entity and the facts that a text tells about it."""

    kind: str
    subject: str
    told: dict[Relation, str]

    def sentences(self, draw: Draw) -> list[str]:
        """One sentence for each thing told, in random order."""
        said = [relation.state(draw, self.subject, value) for relation, value in self.told.items()]
        return draw.shuffled(said) if len(said) > 1 else said

    def question(self, draw: Draw, answerable: bool) -> Question:
        """A question that the text answers, or one about a relation that it leaves out."""
        if answerable:
            relation = draw.choice(list(self.told))
            return Question(relation, self.subject, self.told[relation])
        left_out = [relation for relation in relations()[self.kind] if relation not in self.told]
        return Question(draw.choice(left_out), self.subject, None)


@dataclass(frozen=True)
class Text:
    """A text, and the entities that it tells about."""

    text: str
    entities: list[Entity]


def aside(draw: Draw) -> str:
    """A sentence that says nothing about anybody."""
    return draw.any_phrase(_ASIDES)


def any_kind(draw: Draw) -> str:
    """A kind of entity that texts are about."""
    return draw.choice(tuple(relations()))


def entity(draw: Draw, kind: str, count: int, *, telling: Relation | None = None) -> Entity:
    """A new entity with `count` things told of it, `telling` among them."""
    chosen = draw.sample(relations()[kind], count)
    if telling and telling not in chosen:
        chosen[0] = telling
    return Entity(kind, draw.novel(kind), {relation: relation.value(draw) for relation in chosen})


def twin(draw: Draw, answerable: bool) -> tuple[Text, Question]:
    """A text and a question that it may or may not answer.

    Both cases are built alike. If the answer is missing, its sentence says something else about the
    subject, or the same about somebody else, so that neither the length, nor the number of names, nor a
    mention of the relation reveals the case.
    """
    kind = any_kind(draw)
    relation, instead, *others = draw.sample(relations()[kind], draw.whole(2, 5))
    subject = draw.novel(kind)
    if answerable or others:
        told = {each: each.value(draw) for each in (*others, relation if answerable else instead)}
        found = [Entity(kind, subject, told)]
    else:
        found = [entity(draw, kind, 1, telling=relation)]
    for _ in range(draw.choice((0, 1, 1, 2))):
        if draw.chance(0.7):
            same = relation if draw.chance(0.7) else None
            found.append(entity(draw, kind, draw.whole(1, 3), telling=same))
        else:
            found.append(entity(draw, any_kind(draw), draw.whole(1, 3)))
    return _told(draw, found), Question(relation, subject, found[0].told[relation] if answerable else None)


def _told(draw: Draw, entities: list[Entity]) -> Text:
    found = draw.shuffled(entities)
    sentences = [sentence for each in found for sentence in each.sentences(draw)]
    if draw.chance(0.25):
        sentences.insert(draw.whole(0, len(sentences)), aside(draw))
    if draw.chance(0.25):
        sentences = draw.shuffled(sentences)
    return Text(" ".join(sentences), found)


def about_one(draw: Draw, count: int) -> Text:
    """A text about one new entity with `count` things told."""
    return _told(draw, [entity(draw, any_kind(draw), count)])


def answer(draw: Draw, question: Question, unknown: str) -> tuple[str, str]:
    """The question in words and its answer; some questions of the corpus want a whole sentence."""
    asked = question.relation.ask(draw, question.subject)
    whole = draw.number is None and draw.chance(0.12)
    if whole:
        asked += draw.choice(IN_A_SENTENCE)
    if question.value is None:
        return asked, unknown
    if whole:
        return asked, question.relation.sentence(question.subject, question.value)
    return asked, f"{question.value}."
