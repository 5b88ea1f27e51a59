"""What a demonstration shows: measures before and after, what was forgotten, and whether it met its target."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict

from workers.evaluation.bootstrap import Interval, Pair
from workers.evaluation.suite_verdict import SuiteVerdict


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Form):
    """One measure on the same `n` rows before and after, with 95 % intervals."""

    measure: str
    kind: Literal["share", "perplexity"]
    n: int
    before: Interval | None
    """None for what can't be measured before, such as how many answers stayed the same."""
    after: Interval
    difference: Interval | None
    """After minus before, resampled in pairs."""

    @classmethod
    def paired(cls, measure: str, n: int, pair: Pair, kind: Literal["share", "perplexity"] = "share") -> Self:
        """A measure taken on both sides."""
        return cls(measure=measure, kind=kind, n=n, before=pair.base, after=pair.adapted, difference=pair.difference)

    @classmethod
    def alone(cls, measure: str, n: int, after: Interval) -> Self:
        """A share that has no before."""
        return cls(measure=measure, kind="share", n=n, before=None, after=after, difference=None)


class Forgotten(_Form):
    """General abilities before and after, as the mean over abilities of a sample of the general suite."""

    n: int
    mean: Pair
    sentence: str

    @classmethod
    def of(cls, n: int, judged: SuiteVerdict) -> Self:
        """From the comparison of two models on `n` items."""
        return cls(n=n, mean=judged.mean, sentence=judged.sentence)


class Shown(_Form):
    """What running a demonstration comes to."""

    rows: tuple[Row, ...]
    forgetting: Forgotten | None
    """None where no weight is changed."""
    settings: dict[str, Any]
    """What it was done with."""
    verdict: str
    target: str
    met: bool
