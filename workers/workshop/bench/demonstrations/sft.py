"""Supervised fine-tuning: LoRA on customer intents whose words and labels the base has never seen.

Measures label accuracy on held-out messages before and after, and the cost in general abilities.
"""

from workers.workshop.bench import intents
from workers.workshop.bench.outcome import Outcome
from workers.workshop.bench.setup import Demonstration, Setup


def run(setup: Setup) -> Outcome:
    """LoRA on the base as it is."""
    return intents.adapted(setup, "sft", "none")


SPEC = Demonstration(title="LoRA fine-tuning on new customer intents", run=run)
