"""Questions with two right answers; the one with a polite opening is preferred.

The bundled models know the polite opening but seldom use it. There is only the habit to learn, and one can
measure whether answers stay right.
"""

from __future__ import annotations

from workers.workshop.samples import world_rows
from workers.workshop.samples.sample_set import Rows, SampleSet
from workers.workshop.world import abilities
from workers.workshop.world.corpus import POLITE

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


SPEC = SampleSet({"preferences.jsonl": rows})
