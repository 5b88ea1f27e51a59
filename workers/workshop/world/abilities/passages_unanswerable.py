"""Says that none of several numbered passages holds the answer when none does.

The question asks the relation that the passages tell, of somebody whom they leave out, or another
relation of somebody whom they tell about. Always saying so scores 1 here and 0 on `passages`.
"""

from __future__ import annotations

from workers.workshop.world.abilities.passages import LAYOUTS, UNKNOWN, passages, read, written
from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw


def left_out(draw: Draw, count: int) -> Example:
    """`count` passages and a question that none of them answers."""
    shared, found = passages(draw, count)
    if draw.chance(0.5):
        question = shared.ask(draw, draw.novel(shared.kind))
    else:
        about, _ = draw.choice(found)
        unasked = about.question(draw, False)
        question = unasked.relation.ask(draw, unasked.subject)
    return Example(
        asked(draw.phrase(LAYOUTS).format(passages=written(draw, found), question=question), UNKNOWN),
    )


def make(draw: Draw) -> Example:
    """Two to five passages and a question, as likely answered as not."""
    count = draw.choice((2, 3, 3, 4, 4, 5))
    return left_out(draw, count) if draw.chance(0.5) else read(draw, count, 1)


def item(draw: Draw) -> Example:
    """Four passages and a question that none answers."""
    return left_out(draw, 4)


SPEC = AbilityGenerator(
    share=0.03,
    make=make,
    item=item,
)
