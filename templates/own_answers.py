"""Settings and metrics of the objectives whose model learns from answers that it writes itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from templates.metrics import Metric
from templates.spec import BaseFacts, TrainingParams, setting

Divergence = Literal["forward_kl", "reverse_kl", "jsd", "skew_forward", "skew_reverse"]
SHARE_OF_ADVICE = 0.5
"""As a share of the learning rate that the method advises for next-token losses."""


class OwnAnswersParams(TrainingParams):
    """The names are TRL's (`DistillationConfig`) where it has the setting."""

    num_train_epochs: float = setting(1.0, "Passes over the data", shown=True, unit="epochs", gt=0, le=1000)
    """How often the student answers each prompt. It writes another answer every time."""
    max_completion_length: int = setting(128, "Longest answer", shown=True, unit="tokens", ge=1, le=32_768)
    """The student's answers are cut off here."""
    mask_truncated_completions: bool = setting(True, "Leave out answers that were cut off")
    """An answer without its end teaches the student never to end."""
    divergence: Divergence = setting("reverse_kl", "Distance to the teacher")
    """What is made small at each token."""
    temperature: float = setting(1.0, "Temperature", gt=0, le=20)
    """Of the answers that the student writes, and of both distributions. Lower values keep to likelier answers."""
    beta: float = setting(0.5, "Share of the teacher in the mixture (beta)", gt=0, lt=1)
    """For `jsd`: near 0 it is like forward KL, near 1 like reverse KL."""
    alpha: float = setting(0.1, "Skew (alpha)", gt=0, lt=1)
    """For `skew_forward` and `skew_reverse`: how much of the one distribution is mixed into the other."""


def advised(_facts: BaseFacts, of_method: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the method's rate: each step's rows are new, so their gradients are noisier."""
    rate = of_method.get("learning_rate")
    return {} if rate is None else {"learning_rate": SHARE_OF_ADVICE * rate}


METRICS = (
    Metric("teacher_distance", "Distance to the teacher on own answers", "nats", higher_is_better=False),
    Metric("completions/mean_length", "Length of the answers written", "tokens", higher_is_better=None),
    Metric("completions/clipped_ratio", "Answers cut off", "%", higher_is_better=False),
)
