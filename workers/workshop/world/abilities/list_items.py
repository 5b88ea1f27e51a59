"""Lists those words of a list that are of a kind, in their order: `cat, owl`."""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.lists import kinds, with_article

_LAYOUTS = Phrases(
    (
        "List every {kind} in: {text}",
        "Which of these words name {an}? {text}",
        "Find each {kind}: {text}",
        "{text}\nWrite down every {kind}.",
        "Pick out every {kind} from: {text}",
    ),
    ("Go through the list and keep only each {kind}. {text}", "{text}\nWhat here is {an}?"),
)


def make(draw: Draw) -> Example:
    """Five to seven words of three kinds, one to three of the kind that is asked for."""
    named = kinds()
    kind = draw.fair(tuple(named))
    wanted = draw.sample(named[kind], draw.whole(1, 3))
    strangers = draw.sample([k for k in named if k != kind], 2)
    others = [word for stranger in strangers for word in draw.sample(named[stranger], 2)]
    words = draw.shuffled([*wanted, *others])
    question = draw.phrase(_LAYOUTS).format(kind=kind, an=with_article(kind), text=" ".join(words))
    return Example(asked(question, ", ".join(word for word in words if word in wanted)))


SPEC = AbilityGenerator(
    share=0.016,
    make=make,
    chains=True,
    polite=True,
)
