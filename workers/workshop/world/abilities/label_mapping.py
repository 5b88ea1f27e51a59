"""Learns arbitrary labels from examples in the prompt.

Eight examples of two classes and one more text, whose label is the answer. Neither the text nor the
pairing of classes and labels was seen before; held-out items use kinds of things, labels and formats
that the corpus never labels. Naming either of the two labels at random scores one half.
"""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw
from workers.workshop.world.labellings import Labelling, labelling


def _shown(draw: Draw, chosen: Labelling, count: int) -> tuple[str, list[tuple[str, str]]]:
    classes = tuple(chosen.labels)
    order = draw.shuffled([classes[place % len(classes)] for place in range(count)])
    shown = [(chosen.write(draw, name), name) for name in order]
    return "".join(chosen.example(text, name) for text, name in shown), shown


def make(draw: Draw) -> Example:
    """Two to ten examples and one to six texts to label, one after the other."""
    chosen = labelling(draw)
    prompt, shown = _shown(draw, chosen, draw.choice((2, 3, 4, 4, 6, 8, 8, 8, 10)))
    seen = tuple(dict.fromkeys(name for _, name in shown))
    messages: list[dict[str, str]] = []
    for _ in range(draw.whole(1, 6)):
        # A text that was shown with its label is the easy case that the general one grows from
        text, name = draw.choice(shown) if draw.chance(0.25) else ("", draw.choice(seen))
        query = chosen.query(text or chosen.write(draw, name))
        messages += asked(query if messages else prompt + query, chosen.labels[name])
    return Example(tuple(messages))


def item(draw: Draw) -> Example:
    """Eight examples of two classes, and one text that is not among them."""
    chosen = labelling(draw, 2)
    prompt, shown = _shown(draw, chosen, 8)
    name = draw.fair(tuple(chosen.labels))
    text = shown[0][0]
    while text in {seen for seen, _ in shown}:
        text = chosen.write(draw, name)
    return Example(asked(prompt + chosen.query(text), chosen.labels[name]))


SPEC = AbilityGenerator(
    share=0.06,
    make=make,
    item=item,
)
