"""What a method may know of the training before it changes the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workers.training.batches import Example


def _no_examples() -> Sequence[Example]:
    return ()


@dataclass(frozen=True)
class TrainingAhead:
    """The training to come."""

    n_updates: int = 1
    examples: Callable[[], Sequence[Example]] = _no_examples
    """Renders the training rows."""
