"""Adds two numbers of one digit. (The corpus also holds sums and differences of two digits.)"""

from __future__ import annotations

from workers.workshop.world.ability import AbilityGenerator, Example, asked
from workers.workshop.world.draw import Draw, Phrases

_LAYOUTS = Phrases(
    (
        "What is {sum}?",
        "Compute {sum}.",
        "{sum} =",
        "How much is {sum}?",
        "Work out {sum}.",
        "Calculate: {sum}",
    ),
    ("What do you get for {sum}?", "Tell me the result of {sum}.", "I need the answer to {sum}.", "And {sum} makes?"),
)
_SHEETS = ("Solve:\n{sums}", "Compute each line:\n{sums}", "Work these out:\n{sums}", "{sums}")


def _task(draw: Draw, digits: int) -> tuple[str, int]:
    last = 9 if digits == 1 else 99
    a, b = draw.whole(0, last), draw.whole(0, last)
    if (digits == 1 and draw.chance(0.7)) or draw.chance(0.5):
        return f"{a} + {b}", a + b
    a, b = max(a, b), min(a, b)
    return f"{a} - {b}", a - b


def _digits(draw: Draw) -> int:
    return 1 if draw.chance(0.65) else 2


def make(draw: Draw) -> Example:
    """Several sums: a sheet of them, or one after the other."""
    if draw.chance(0.5):
        digits = _digits(draw)
        tasks = [_task(draw, digits) for _ in range(draw.whole(4, 12))]
        sheet = draw.choice(_SHEETS).format(sums="\n".join(task for task, _ in tasks))
        return Example(asked(sheet, "\n".join(f"{task} = {result}" for task, result in tasks)))
    messages: list[dict[str, str]] = []
    for _ in range(draw.whole(3, 8)):
        task, result = _task(draw, _digits(draw))
        messages += asked(draw.phrase(_LAYOUTS).format(sum=task), str(result))
    return Example(tuple(messages))


def item(draw: Draw) -> Example:
    """One sum of two digits from 0 to 9."""
    a, b = draw.whole(0, 9), draw.whole(0, 9)
    return Example(asked(draw.phrase(_LAYOUTS).format(sum=f"{a} + {b}"), str(a + b)))


SPEC = AbilityGenerator(
    share=0.05,
    make=make,
    item=item,
    recalled=True,
)
