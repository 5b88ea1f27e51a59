"""Traits that answers can be preferred for, each with pairs to learn, fresh questions, and a rule that tells it.

The rule looks at two answers to one question, so that a win rate needs no judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from templates.suites.general import ABILITIES
from workers.workshop.bench import sample_rows
from workers.workshop.bench.setup import Question, Setup
from workers.workshop.world import abilities
from workers.workshop.world.abilities.reading import LAYOUTS
from workers.workshop.world.ability import asked
from workers.workshop.world.corpus import POLITE
from workers.workshop.world.draw import Draw
from workers.workshop.world.texts import IN_A_SENTENCE, twin

N_PAIRS = 400
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Trait:
    """A trait that makes an answer the better one of two."""

    title: str
    pairs: Callable[[Setup], Rows]
    """All pairs, in the seed's order; prompts are turns."""
    questions: Callable[[Setup, str, int, set[str]], list[Question]]
    """`(setup, stream, n, taken)`: fresh questions, none of whose texts are among `taken`, which grow."""
    degree: Callable[[str], float]
    """How much of the trait an answer has; of two answers, the one with more of it wins."""
    plain: str = ""
    """What may stand before a right answer."""


def polite_pairs(setup: Setup) -> Rows:
    """The sample “Polite openings”."""
    pairs = sample_rows.rows("preferences")
    setup.random("preferences").shuffle(pairs)
    return [{**pair, "prompt": [{"role": "user", "content": pair["prompt"]}]} for pair in pairs]


def polite_questions(setup: Setup, stream: str, n: int, taken: set[str]) -> list[Question]:
    """Questions of all abilities that can be answered politely, in turn."""
    can = [ability for ability in abilities().values() if ability.polite]
    found: list[Question] = []
    number = 0
    while len(found) < n:
        ability = can[len(found) % len(can)]
        example = ability.question(setup.draw(f"polite {stream}", number))
        number += 1
        if (prompt := example.messages[-2]["content"]) not in taken:
            taken.add(prompt)
            part = next(iter(ABILITIES[ability.key].parts.values()))
            found.append(Question.of(example, lambda text, part=part: part(text.removeprefix(POLITE))))  # type: ignore[misc]
    return found


def _sentence_asked(draw: Draw) -> tuple[str, str, str]:
    """A text with a question that wants a whole sentence, that sentence, and the bare answer."""
    text, question = twin(draw, True)
    value = str(question.value)
    wanted = question.relation.ask(draw, question.subject) + draw.choice(IN_A_SENTENCE)
    prompt = draw.phrase(LAYOUTS).format(text=text.text, question=wanted)
    return prompt, question.relation.sentence(question.subject, value), f"{value}."


def short_pairs(setup: Setup) -> Rows:
    """Questions that ask for a sentence, to which the bare answer is preferred all the same."""
    draw, made = setup.draw("shorter pairs"), []
    for _ in range(N_PAIRS):
        prompt, sentence, bare = _sentence_asked(draw)
        made.append({"prompt": [{"role": "user", "content": prompt}], "chosen": bare, "rejected": sentence})
    return made


def short_questions(setup: Setup, stream: str, n: int, taken: set[str]) -> list[Question]:
    """More of these; an answer is right if it has the value, in a sentence or not."""
    draw, found = setup.draw(f"shorter {stream}"), list[Question]()
    while len(found) < n:
        prompt, sentence, bare = _sentence_asked(draw)
        if prompt not in taken:
            taken.add(prompt)
            value = bare.removesuffix(".")
            found.append(Question(asked(prompt, sentence)[:1], sentence, lambda text, value=value: str(value in text)))  # type: ignore[misc]
    return found


TRAITS: Mapping[str, Trait] = {
    "polite": Trait(
        f"answers that begin with “{POLITE.strip()}”",
        polite_pairs,
        polite_questions,
        lambda answer: float(answer.startswith(POLITE)),
        plain=POLITE,
    ),
    "shorter": Trait(
        "shorter answers to questions that ask for a sentence",
        short_pairs,
        short_questions,
        lambda answer: -float(len(answer)) if answer else -float("inf"),
    ),
}
"""By key."""


def wins(trait: Trait, before: Sequence[str | None], after: Sequence[str | None]) -> list[float]:
    """Of each question, 1 if the second answer wins by the rule, 0 if the first does, else ½; no answer never wins."""
    found = []
    for one, other in zip(before, after, strict=True):
        first, second = (-float("inf") if text is None else trait.degree(text) for text in (one, other))
        found.append(1.0 if second > first else 0.0 if second < first else 0.5)
    return found
