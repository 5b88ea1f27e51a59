"""What can be measured besides the loss, by name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """A number that a training reports, or a verdict compares."""

    key: str
    title: str
    unit: str = ""
    higher_is_better: bool = True
