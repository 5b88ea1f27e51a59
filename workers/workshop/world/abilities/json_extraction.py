"""Writes what a text says about an entity as a JSON object with the requested keys.

Compared as JSON: the order of the keys and the spaces do not count.
"""

from __future__ import annotations

import json

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.texts import about_one

_LAYOUTS = Phrases(
    (
        "Extract {keys} as JSON.\nText: {text}",
        "Return a JSON object with {keys}.\nText: {text}",
        "Give {keys} in JSON.\n{text}",
        "Text: {text}\nWrite {keys} as JSON.",
        "{text}\nFill a JSON object with the keys {keys}.",
        "JSON with {keys} from this text: {text}",
    ),
    (
        "Turn the note into a JSON record. Fields: {keys}.\nNote: {text}",
        "{text}\nI need these as machine-readable JSON: {keys}.",
    ),
)


def make(draw: Draw) -> Example:
    """A text about one entity, with two to four keys to fill."""
    text = about_one(draw, draw.whole(1, 3))
    about = text.entities[0]
    record: dict[str, str | int] = {"name": about.subject}
    for relation, value in draw.shuffled(list(about.told.items())):
        record[relation.key] = int(value) if relation.numbers else value
    question = draw.phrase(_LAYOUTS).format(keys=", ".join(record), text=text.text)
    return Example(asked(question, json.dumps(record, ensure_ascii=False)))


SPEC = AbilityGenerator(
    share=0.058,
    make=make,
)
