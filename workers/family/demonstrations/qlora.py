"""QLoRA: the same intents learned on a base that is frozen in 4-bit nf4.

What is scored is the adapter on the base in full precision, as chat and downloads use it.
"""

from workers.family import intents
from workers.family.shown import Shown
from workers.family.stage import Demonstration, Stage


def run(stage: Stage) -> Shown:
    """LoRA on the base in 4 bits."""
    return intents.adapted(stage, "qlora", "nf4")


SPEC = Demonstration(title="QLoRA: the same on a base in 4 bits", run=run)
