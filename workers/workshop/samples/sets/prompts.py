"""Prompts of every kind that the bundled models know, without answers.

A larger model's own answers, or its probabilities, are what a smaller one learns.
"""

from __future__ import annotations

from workers.workshop.samples import world_rows
from workers.workshop.samples.sample_set import Rows, SampleSet
from workers.workshop.world import abilities

N_ROWS = 1_200
_WITH_TOOLS = "tool_calls"
"""The kind whose prompts need more than a message: the functions that may be called."""


def rows() -> Rows:
    """The prompts, as many of each kind, no two alike, in mixed order."""
    draw = world_rows.draw("prompts")
    kinds = [ability for key, ability in abilities().items() if key != _WITH_TOOLS]
    taken: set[str] = set()
    made = []
    for place in range(N_ROWS):
        prompt, _ = world_rows.new_turn(kinds[place % len(kinds)], draw, taken)
        made.append({"prompt": prompt})
    return draw.shuffled(made)


SPEC = SampleSet({"prompts.jsonl": rows})
