"""Prompts of every kind that the bundled models know, without answers.

A smaller model learns from a larger model's answers or probabilities.
"""

from __future__ import annotations

from workers.workshop.samples import world_rows
from workers.workshop.samples.sample_set import Rows, SampleSet
from workers.workshop.world import abilities

N_ROWS = 1_200
_WITH_TOOLS = "tool_calls"
"""The kind whose prompts also need the callable functions."""


def rows() -> Rows:
    """The prompts, equally many of each kind, no two alike, in mixed order."""
    draw = world_rows.draw("prompts")
    kinds = [ability for key, ability in abilities().items() if key != _WITH_TOOLS]
    taken: set[str] = set()
    made = []
    for place in range(N_ROWS):
        prompt, _ = world_rows.new_turn(kinds[place % len(kinds)], draw, taken)
        made.append({"prompt": prompt})
    return draw.shuffled(made)


SPEC = SampleSet({"prompts.jsonl": rows})
