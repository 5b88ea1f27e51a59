"""QLoRA: the same intents learned on a base that is frozen in 4-bit nf4.

The adapter is scored on the base in full precision, as chat and downloads use it.
"""

from workers.workshop.bench import intents
from workers.workshop.bench.outcome import Outcome
from workers.workshop.bench.setup import Demonstration, Setup


def run(setup: Setup) -> Outcome:
    """LoRA on the base in 4 bits."""
    return intents.adapted(setup, "qlora", "nf4")


SPEC = Demonstration(title="QLoRA: the same on a base in 4 bits", run=run)
