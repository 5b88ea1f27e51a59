"""Several datasets in one training: how often the rows of each come up.

A *task's* dataset is learned and judged. A *replayed* one is only learned, so that the model keeps what it knew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from templates.errors import Problem

Weights = Mapping[str, float | None]
"""The names of datasets, each with its weight; None where none was given."""
NO_WEIGHTS: Weights = {}
REPLAY_SHARE = 0.4
"""The share of replayed rows if none is given."""
OFTEN = 3
"""Times that a replayed row comes up in a pass from which on more rows are advised."""
SHOWN_ROWS = 5
MOST_APART = 32


class Mix(BaseModel):
    """How a training mixes its datasets, as stored on its job. The lists follow the job's inputs of each role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weights: tuple[float, ...] = ()
    """Of each of the task's datasets; empty: every row comes up once in a pass."""
    instructions: tuple[str, ...] = ()
    """The system text for the rows of each of the task's datasets after the first."""
    replayed: tuple[float, ...] = Field(default=(), max_length=50)
    """The share of each replayed dataset among all that is learned."""
    prompts_first: bool = False
    """A pass holds every prompt of the replayed datasets once, and beside them as many of the task's rows as fit the
    shares; otherwise it holds every row of the task once. For objectives that repair."""


ONE_DATASET = Mix()


class Named(NamedTuple):
    """A dataset and the weight written behind its name."""

    name: str
    weight: float | None


def parse(text: str) -> Named:
    """`tickets:0.7`, or a name alone. A dataset's name has no colon; a weight that is no number becomes NaN."""
    name, colon, weight = text.partition(":")
    if not colon:
        return Named(name.strip(), None)
    try:
        return Named(name.strip(), float(weight))
    except ValueError:
        return Named(name.strip(), math.nan)


def named(texts: Iterable[str], field: str) -> tuple[dict[str, float | None], list[Problem]]:
    """What `parse` finds in each, and the names that come twice."""
    found: dict[str, float | None] = {}
    problems = []
    for name, weight in map(parse, texts):
        if name in found:
            problems.append(Problem(f"“{name}” is named twice.", field=field, remedy="Name each dataset once."))
        found.setdefault(name, weight)
    return found, problems


def problems(weights: Weights, replay: Weights) -> list[Problem]:
    """The reasons why these weights and shares can't be used."""
    return [*_weights(weights), *_shares(replay), *_both(weights, replay)]


def _weights(weights: Weights) -> list[Problem]:
    wrong = [
        Problem(f"the weight of “{name}” is not a number above 0.", field="data", remedy="Write, say, tickets:0.7.")
        for name, weight in weights.items()
        if weight is not None and not (math.isfinite(weight) and weight > 0)
    ]
    bare = [name for name, weight in weights.items() if weight is None]
    if bare and len(bare) < len(weights):
        without = ", ".join(f"“{name}”" for name in bare)
        remedy = "Give every dataset a weight, or none of them: then every row comes up once in a pass."
        wrong.append(Problem(f"some datasets have a weight, but not {without}.", field="data", remedy=remedy))
    return wrong


def _shares(replay: Weights) -> list[Problem]:
    remedy = "Write the share of all that is learned, between 0 and 1, such as general:0.3."
    wrong = [
        Problem(f"the share of “{name}” is not between 0 and 1.", field="replay", remedy=remedy)
        for name, share in replay.items()
        if share is not None and not 0 < share < 1
    ]
    total = sum(shares_of(replay))
    if not wrong and total >= 0.95:
        what = (
            f"the replayed datasets take {100 * total:.0f} % of what is learned, which leaves too little for the task."
        )
        wrong.append(Problem(what, field="replay", remedy="Let them take less than 95 % together."))
    return wrong


def _both(weights: Weights, replay: Weights) -> list[Problem]:
    return [
        Problem(f"“{name}” can't be both learned as the task and replayed.", field="replay", remedy="Choose one.")
        for name in replay
        if name in weights
    ]


def shares_of(replay: Weights) -> tuple[float, ...]:
    """The share of each replayed dataset: its own, or its part of `REPLAY_SHARE`."""
    n_bare = sum(share is None for share in replay.values())
    return tuple(REPLAY_SHARE / n_bare if share is None else share for share in replay.values())


def per_pass(sizes: Sequence[int], weights: Sequence[float]) -> list[int]:
    """How many rows of each of the task's datasets come up in one pass, given how many there are.

    Without weights, every row comes up once. With weights, all rows of the dataset that is largest for its weight
    come up once, and those of the others more often, until the shares are as wanted: so none is left out.
    """
    if not weights:
        return list(sizes)
    total = max(size / weight for size, weight in zip(sizes, weights, strict=True))
    return [max(size, round(total * weight)) for size, weight in zip(sizes, weights, strict=True)]


def replayed_per_pass(n_task: int, sizes: Sequence[int], shares: Sequence[float]) -> list[int]:
    """How many rows of each replayed dataset come up in a pass beside `n_task` of the task's; none of an empty one."""
    total = n_task / (1 - sum(shares))
    return [max(1, round(total * share)) if size else 0 for size, share in zip(sizes, shares, strict=True)]


def counts(sizes: Sequence[int], n_task: int, told: Mix) -> list[int]:
    """How many rows of each dataset come up in a pass, given how many there are; the first `n_task` are the task's."""
    task, replayed = sizes[:n_task], sizes[n_task:]
    if told.prompts_first:
        learned = [size - set_apart(size) for size in replayed]
        beside = sum(learned) * (1 / max(1e-9, sum(told.replayed)) - 1)
        whole = per_pass(task, told.weights)
        return [*(round(beside * n / max(1, sum(whole))) for n in whole), *learned]
    found = per_pass(task, told.weights)
    return [*found, *replayed_per_pass(sum(found), replayed, told.replayed)]


def set_apart(n_prompts: int) -> int:
    """How many of the prompts of a repair are not learned from: the chart shows the distance to the base on them."""
    return min(MOST_APART, n_prompts // 10)


class Portion(BaseModel):
    """One dataset's part of what is learned, as counted before launch and again by the training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    replayed: bool = False
    prompts: bool = False
    """Its prompts alone are used: the model answers them itself."""
    n_rows: int
    """Rows that can be learned; long plain texts count once for each piece."""
    per_pass: int
    """How many of them come up in one pass; those that come up again count again."""
    n_tokens: int
    """Learned tokens of all its rows, each counted once."""
    left_out: tuple[int, ...] = ()
    """Numbers of its rows that are not learned because they ask what the result will be asked."""

    @property
    def tokens_per_pass(self) -> float:
        """Learned tokens in one pass."""
        return self.n_tokens * self.per_pass / max(1, self.n_rows)

    @property
    def repeats_much(self) -> bool:
        """Whether it is replayed so often that more rows would keep more of what the model knew."""
        return self.replayed and self.per_pass >= OFTEN * self.n_rows

    @property
    def times(self) -> str:
        """How often a row of it comes up in a pass."""
        if self.per_pass == self.n_rows:
            return "each row once"
        if self.per_pass < self.n_rows:
            return f"{self.per_pass:,} of its {self.n_rows:,} rows, other ones in each pass"
        return f"each of its {self.n_rows:,} rows {self.per_pass / self.n_rows:.2g} times on average"


def sentences(portions: Sequence[Portion]) -> list[str]:
    """What is learned of each dataset, and what is left out of it, in words."""
    if any(one.prompts for one in portions):
        return [*map(_of_repair, portions), *(_left_out(one) for one in portions if one.left_out)]
    rows, tokens = sum(one.per_pass for one in portions), sum(one.tokens_per_pass for one in portions)
    found = []
    for one in portions:
        what = f"“{one.name}”{' (replayed)' if one.replayed else ''}: {one.per_pass:,} of {rows:,} rows in a pass"
        of_rows, of_tokens = one.per_pass / max(1, rows), one.tokens_per_pass / max(1.0, tokens)
        shares = f"{100 * of_rows:.0f} % of the rows, {100 * of_tokens:.0f} % of the"
        advice = " More different rows would keep more." if one.repeats_much else ""
        found.append(f"{what} ({shares} learned tokens), {one.times}.{advice}")
    return [*found, *(_left_out(one) for one in portions if one.left_out)]


def _of_repair(one: Portion) -> str:
    """What a pass of a repair holds of one dataset."""
    if one.prompts:
        apart = f"; {one.n_rows - one.per_pass:,} are set apart for the chart" if one.n_rows > one.per_pass else ""
        return f"“{one.name}”: the model answers {one.per_pass:,} of {one.n_rows:,} prompts in a pass{apart}."
    if not one.per_pass:
        return f"“{one.name}”: no row is learned; its held-out rows show what the repair costs."
    return f"“{one.name}”: {one.per_pass:,} rows of the task are learned in a pass, so that it is kept."


def _left_out(one: Portion) -> str:
    n, first = len(one.left_out), ", ".join(f"{number:,}" for number in one.left_out[:SHOWN_ROWS])
    if n == 1:
        return f"1 row of “{one.name}” asks (nearly) the same as the verdict, and is not learned (row {first})."
    more = " …" if n > SHOWN_ROWS else ""
    return f"{n:,} rows of “{one.name}” ask (nearly) the same as the verdict, and are not learned (rows {first}{more})."
