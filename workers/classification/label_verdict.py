"""What a verdict says of answers that are labels with probabilities, as stored and shown."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Interval, Pair


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LabelScore(_Form):
    """One label on the held-out rows."""

    label: str
    n: int
    """Held-out rows with it."""
    n_training: int
    """Rows with it that the model learned from; 0: it can't be answered."""
    n_given: int
    """Held-out rows to which the result gave it."""
    n_right: int
    precision: Interval | None
    """The share of right answers among those that are this label; None if it was never given."""
    recall: Interval | None
    """The share of its rows that got it; None without rows."""


class Confusion(_Form):
    """The number of held-out rows with one label that got another, or the same."""

    expected: str
    given: str
    n: int


class Bin(_Form):
    """The answers of about the same confidence."""

    low: float
    high: float
    n: int
    confidence: float
    """Their mean confidence."""
    right: Interval
    """The share of right answers."""


class Calibration(_Form):
    """How far the probabilities can be trusted: as they are, and after one temperature was fitted on other rows.

    `Pair`s hold the base and the result, each with a temperature of its own.
    """

    temperature: float
    """Of the result."""
    base_temperature: float
    log_loss: Pair
    log_loss_fitted: Pair
    error: Pair
    """The expected calibration error."""
    error_fitted: Pair
    bins: tuple[Bin, ...]
    """Of the result."""
    bins_fitted: tuple[Bin, ...]


class Sure(_Form):
    """The threshold below which the result says “don't know”, and what it achieves on the held-out rows."""

    wanted: float
    """The share of right answers that it was chosen for."""
    threshold: float | None
    """A probability at the fitted temperature; None: no threshold reached the wanted accuracy."""
    n_selected: int
    """Rows on the selection side that it was chosen on."""
    n_answered: int = 0
    share: Interval | None = None
    """The share of the held-out rows that are answered."""
    right: Interval | None = None
    """The share of right answers among them; None if there are none."""


class LabelVerdict(_Form):
    """Answers that are labels, beyond the share of right ones."""

    n: int
    """Held-out rows that both models answered."""
    n_labels: int
    """Labels to choose from."""
    macro_f1: Pair
    """The mean over the labels that held-out rows have."""
    labels: tuple[LabelScore, ...]
    confusions: tuple[Confusion, ...]
    """Of the result; pairs that never came up are left out."""
    unseen: dict[str, int]
    """Labels that no row had that the model learned from, with their held-out rows: wrong whatever the model does."""
    calibration: Calibration | None
    """None without rows to fit a temperature on."""
    sure: Sure
    sentence: str
    remarks: tuple[str, ...] = ()
