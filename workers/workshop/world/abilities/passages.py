"""Finds the answer in one of four numbered passages and cites it: `value [n].`

Most passages tell the same relation of different entities, so the value must be found by its subject.
`passages_value` compares the value alone, `passages_citation` the value with its number.
"""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.relations import Relation, relations
from workers.workshop.world.texts import Entity, any_kind, entity

UNKNOWN = "The passages do not say."
LAYOUTS = Phrases(
    (
        "Passages:\n{passages}\nQuestion: {question}",
        "Answer from the passages and cite the number.\n{passages}\nQuestion: {question}",
        "{passages}\nQuestion: {question}",
        "Use the passages. Give the answer and its number.\nPassages:\n{passages}\n{question}",
        "Find the answer in these passages:\n{passages}\nQuestion: {question}",
        "Here are some passages.\n{passages}\n\n{question}",
    ),
    (
        "Search results:\n{passages}\nWhat I want to know: {question}",
        "These notes were found.\n{passages}\nReply with the note's number: {question}",
    ),
)


def passages(draw: Draw, count: int) -> tuple[Relation, list[tuple[Entity, Relation]]]:
    """`count` passages' entities, each with the relation that its last sentence tells; most share the first one."""
    kind = any_kind(draw)
    shared = draw.choice(relations()[kind])
    found = []
    for place in range(count):
        if place == 0 or draw.chance(0.75):
            found.append((entity(draw, kind, draw.whole(1, 2), telling=shared), shared))
        else:
            other = entity(draw, any_kind(draw), draw.whole(1, 2))
            found.append((other, draw.choice(list(other.told))))
    return shared, draw.shuffled(found)


def written(draw: Draw, found: list[tuple[Entity, Relation]]) -> str:
    """The passages as lines.

    A passage's number stands behind its last sentence, mostly right behind the value, where copying
    the value runs into it.
    """
    lines = []
    for number, (about, last) in enumerate(found, start=1):
        said = [r.state(draw, about.subject, v) for r, v in about.told.items() if r is not last]
        ending = last.state_last if draw.chance(0.9) else last.state
        said.append(ending(draw, about.subject, about.told[last]))
        lines.append(f"{' '.join(said)[:-1]} [{number}].")
    return "\n".join(lines)


def read(draw: Draw, count: int, questions: int) -> Example:
    """`count` passages and `questions` about them, each answered by one."""
    _, found = passages(draw, count)
    body = written(draw, found)
    messages: list[dict[str, str]] = []
    first = draw.whole(0, count - 1) if draw.number is None else draw.number % count
    for turn in range(questions):
        place = first if turn == 0 else draw.whole(0, count - 1)
        about, last = found[place]
        relation = last if draw.chance(0.85) else draw.choice(list(about.told))
        question = relation.ask(draw, about.subject)
        if turn == 0:
            question = draw.phrase(LAYOUTS).format(passages=body, question=question)
        messages += asked(question, f"{about.told[relation]} [{place + 1}].")
    return Example(tuple(messages))


def make(draw: Draw) -> Example:
    """Two to five passages with one to four questions."""
    return read(draw, draw.choice((2, 3, 3, 4, 4, 5)), draw.whole(1, 4))


def item(draw: Draw) -> Example:
    """Four passages with one question."""
    return read(draw, 4, 1)


SPEC = AbilityGenerator(
    share=0.06,
    make=make,
    item=item,
)
