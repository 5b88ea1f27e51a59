"""The outcome of a demonstration: measures before and after, forgetting, and whether it met its target."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from storage.runs.bootstrap import Interval, Pair
from workers.evaluation.suite_verdict import SuiteVerdict


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measurement(_Frozen):
    """One measure on the same `n` rows before and after, with 95 % intervals."""

    measure: str
    kind: Literal["share", "perplexity"]
    n: int
    before: Interval | None
    """None if there is no value before, as for answers that stayed the same."""
    after: Interval
    difference: Interval | None
    """After minus before, resampled in pairs."""

    @classmethod
    def paired(cls, measure: str, n: int, pair: Pair, kind: Literal["share", "perplexity"] = "share") -> Self:
        """A measure taken before and after."""
        return cls(measure=measure, kind=kind, n=n, before=pair.base, after=pair.adapted, difference=pair.difference)

    @classmethod
    def alone(cls, measure: str, n: int, after: Interval) -> Self:
        """A share without a value before."""
        return cls(measure=measure, kind="share", n=n, before=None, after=after, difference=None)


class Forgotten(_Frozen):
    """General abilities before and after, as the mean over abilities of a sample of the general suite."""

    n: int
    mean: Pair
    sentence: str

    @classmethod
    def of(cls, n: int, judged: SuiteVerdict) -> Self:
        """From the comparison of two models on `n` items."""
        return cls(n=n, mean=judged.mean, sentence=judged.sentence)


class Outcome(_Frozen):
    """What a demonstration measured, and whether it met its target."""

    rows: tuple[Measurement, ...]
    forgetting: Forgotten | None
    """None if no weights change."""
    settings: dict[str, Any]
    """The hyperparameters and sizes used."""
    verdict: str
    target: str
    met: bool
