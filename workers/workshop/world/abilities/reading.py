"""Answers questions from a short text about one to three entities that occur nowhere else.

The share of answers that equal the value in the text. The texts are built as those of `unanswerable`,
up to the sentence with the answer, so the two scores belong together: always answering would win this
one and lose the other.
"""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases
from workers.workshop.world.texts import answer, twin

UNKNOWN = "The text does not say."
LAYOUTS = Phrases(
    (
        "Read the text and answer the question.\nText: {text}\nQuestion: {question}",
        "Use the text to answer.\nText: {text}\nQuestion: {question}",
        "Answer from the text. If it does not say, say so.\nText: {text}\nQuestion: {question}",
        "Text: {text}\nQuestion: {question}",
        "{text}\nQuestion: {question}",
        "{text}\n\n{question}",
        "Here is a text: {text}\nAnswer this: {question}",
    ),
    (
        "Look at these lines and then reply.\n{text}\nWhat I want to know: {question}",
        "With nothing but this report, answer me.\nReport: {text}\n{question}",
    ),
)


def read(draw: Draw, answerable: bool, follow_ups: int, follow_ups_answerable: float) -> Example:
    """A text, a question about it, and `follow_ups` more."""
    text, question = twin(draw, answerable)
    wording, value = answer(draw, question, UNKNOWN)
    messages = [*asked(draw.phrase(LAYOUTS).format(text=text.text, question=wording), value)]
    for _ in range(follow_ups):
        more = draw.choice(text.entities).question(draw, draw.chance(follow_ups_answerable))
        messages += asked(*answer(draw, more, UNKNOWN))
    return Example(tuple(messages))


def make(draw: Draw) -> Example:
    """A text with one to four questions that it answers."""
    return read(draw, True, draw.whole(0, 3), 1.0)


def item(draw: Draw) -> Example:
    """A text with one question that it answers."""
    return read(draw, True, 0, 1.0)


SPEC = AbilityGenerator(
    share=0.05,
    make=make,
    item=item,
)
