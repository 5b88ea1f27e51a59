"""Questions without answers, of every kind that the bundled models know: a larger model teaches a smaller one.

No label is needed: the larger model's own answers, or its probabilities, are what is learned.
"""

from __future__ import annotations

from templates.samples import world_rows
from templates.samples.sample import Rows, Sample, SampleFile
from templates.world import abilities

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


SPEC = Sample(
    title="Prompts without answers",
    shape="prompt_only",
    files=(SampleFile("prompts.jsonl", N_ROWS, rows),),
)
