"""Turning a habit by preferences alone: answers that begin with “Sure!” are chosen over the same without it.

Questions that the bundled models can answer. The polite opening is one that they know and seldom use,
and both answers are right: only the habit can be learned, and whether answers stay right can be measured.
"""

from __future__ import annotations

from templates.samples import world_rows
from templates.samples.sample import Rows, Sample, SampleFile
from templates.world import abilities
from templates.world.corpus import POLITE

N_ROWS = 400


def rows() -> Rows:
    """Prompts of all kinds that have polite answers in the corpus, in turn."""
    draw = world_rows.draw("preferences")
    kinds = [ability for ability in abilities().values() if ability.polite]
    taken: set[str] = set()
    made = []
    for place in range(N_ROWS):
        prompt, answer = world_rows.new_turn(kinds[place % len(kinds)], draw, taken)
        made.append({"prompt": prompt, "chosen": POLITE + answer, "rejected": answer})
    return draw.shuffled(made)


SPEC = Sample(
    title="Polite openings",
    shape="preference",
    files=(SampleFile("preferences.jsonl", N_ROWS, rows),),
)
