"""Answers closed-book questions about facts of the small world which the corpus both states and asks.

The share of answers that equal the fact's value, full stop included. Known phrasings stand in the
corpus word for word: they measure what was memorised; held-out phrasings ask the same in new words.
"""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw
from workers.workshop.world.facts import Fact
from workers.workshop.world.texts import Question, answer


def about(draw: Draw, fact: Fact) -> Example:
    """A question for `fact`, without any text to read it from."""
    return Example(asked(*answer(draw, Question(fact.relation, fact.subject, fact.value), "")))


def make(draw: Draw) -> Example:
    """A question for any of the asked facts."""
    return about(draw, draw.choice(draw.world.asked))


SPEC = AbilityGenerator(
    share=0.107,
    make=make,
    chains=True,
    polite=True,
    recalled=True,
)
