"""Supervised fine-tuning: LoRA on customer intents whose words and labels the base has never seen.

Label accuracy on left-out messages before and after, and what it cost in general abilities.
"""

from workers.family import intents
from workers.family.shown import Shown
from workers.family.stage import Demonstration, Stage


def run(stage: Stage) -> Shown:
    """LoRA on the base as it is."""
    return intents.adapted(stage, "sft", "none")


SPEC = Demonstration(title="LoRA fine-tuning on new customer intents", run=run)
