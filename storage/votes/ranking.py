"""Several models on one scale: the Bradley–Terry model of votes between pairs of them.

P(i is preferred to j) = σ(θᵢ − θⱼ) (Bradley and Terry 1952). A tie, and a question where both answers were bad, counts
half for each. A normal prior on θ (`RIDGE`) keeps a model that won all its votes finite. A model is shown by its mean
chance of being preferred to each of the others. Intervals are 95 % percentiles of 1,000 resamples in which voters and
prompts are drawn with replacement, each on their own (Owen 2007, “The pigeonhole bootstrap”); the voters only if there
are several. As in other intervals of the studio, one win each way is added to each pair before resampling: without
them, votes that all agree would give an interval of width zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storage.models import Vote
from storage.runs.bootstrap import SEED, Interval
from storage.votes.answers import credit
from storage.votes.contenders import Contender

Floats = npt.NDArray[np.float64]
RIDGE = 0.1
"""Weight of θ²/2 in the loss: a prior with a standard deviation of about 3."""
N_RESAMPLES = 1000
STEPS, CLOSE, LONGEST = 60, 1e-8, 2.0
"""Newton's steps at most, the last step's size, and the longest step in θ."""


@dataclass(frozen=True)
class Ranked:
    """A model on the common scale."""

    model: Contender
    n: int
    """Votes on its answers."""
    theta: float
    """Its place on the scale, in logits; all places sum to zero."""
    share: Interval
    """Its mean chance of being preferred to each of the others."""


def prompt_of(vote: Vote) -> str:
    """What votes on the same prompt share."""
    return json.dumps(vote.messages, sort_keys=True)


def is_connected(found: Sequence[Vote]) -> bool:
    """Whether votes lead from each model to every other; without them, only the prior would compare the parts."""
    parts: list[set[str]] = []
    for vote in found:
        pair = {vote.left_model, vote.right_model}
        joined = [part for part in parts if part & pair]
        parts = [*(part for part in parts if not part & pair), pair.union(*joined)]
    return len(parts) == 1


def of(found: Sequence[Vote], known: Mapping[str, Contender]) -> list[Ranked]:
    """All models of these votes, the best first; `known` gives them by key."""
    keys = sorted(known)
    places = {key: i for i, key in enumerate(keys)}
    sides = np.array([[places[vote.left_model], places[vote.right_model]] for vote in found])
    credits = np.array([credit(vote) for vote in found])
    wins = _wins(sides, credits, np.ones((1, len(found))), len(keys))
    theta = fit(wins)
    values = chances(theta)[0]
    drawn = _resampled(found, sides, credits, len(keys))
    low, high = np.percentile(chances(fit(drawn + _each_way(wins[0]))), (2.5, 97.5), axis=0)
    ranked = [
        Ranked(
            known[key],
            int((sides == i).sum()),
            float(theta[0, i]),
            Interval(value=values[i], low=min(low[i], values[i]), high=max(high[i], values[i])),
        )
        for i, key in enumerate(keys)
    ]
    return sorted(ranked, key=lambda one: -one.theta)


def fit(wins: Floats) -> Floats:
    """θ for each table of wins, `(n_tables, n_models)`; `wins[t, i, j]` counts i's wins over j, ties as halves.

    Newton's method on the penalised likelihood, which is concave and has one maximum.
    """
    n_tables, n_models = wins.shape[:2]
    games, theta = wins + wins.transpose(0, 2, 1), np.zeros((n_tables, n_models))
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(theta[:, None, :] - theta[:, :, None]))  # of i against j
        gradient = (wins - games * chance).sum(axis=2) - RIDGE * theta
        curve = games * chance * (1 - chance)
        hessian = -curve
        index = np.arange(n_models)
        hessian[:, index, index] += curve.sum(axis=2) + RIDGE
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        theta += step * np.minimum(1, LONGEST / np.maximum(longest, CLOSE))
        if longest.max() < CLOSE:
            break
    return theta


def chances(theta: Floats) -> Floats:
    """Each model's mean chance of being preferred to each of the others, `(n_tables, n_models)`."""
    chance = 1 / (1 + np.exp(theta[:, None, :] - theta[:, :, None]))
    n_models = theta.shape[1]
    mean: Floats = (chance.sum(axis=2) - 0.5) / (n_models - 1)
    return mean


def _wins(sides: npt.NDArray[np.intp], credits: Floats, weights: Floats, n_models: int) -> Floats:
    """Tables of wins, `(n_tables, n_models, n_models)`, of votes with these weights, `(n_tables, n_votes)`."""
    cells = np.zeros((len(sides), n_models * n_models))
    rows = np.arange(len(sides))
    np.add.at(cells, (rows, sides[:, 0] * n_models + sides[:, 1]), credits)
    np.add.at(cells, (rows, sides[:, 1] * n_models + sides[:, 0]), 1 - credits)
    return (weights @ cells).reshape(len(weights), n_models, n_models)


def _resampled(found: Sequence[Vote], sides: npt.NDArray[np.intp], credits: Floats, n_models: int) -> Floats:
    generator = np.random.default_rng(SEED)
    weights = _drawn(generator, [prompt_of(vote) for vote in found])
    voters = [vote.owner_id for vote in found]
    if len(set(voters)) > 1:
        weights = weights * _drawn(generator, voters)
    return _wins(sides, credits, weights, n_models)


def _drawn(generator: np.random.Generator, of: Sequence[str]) -> Floats:
    """How often each vote is drawn with its group, `(N_RESAMPLES, n_votes)`."""
    groups = np.unique(of, return_inverse=True)[1]
    n_groups = int(groups.max()) + 1
    counts = generator.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=N_RESAMPLES)
    weights: Floats = counts[:, groups].astype(np.float64)
    return weights


def _each_way(wins: Floats) -> Floats:
    """For each resample, how often it draws the added win each way of a pair that has votes."""
    generator = np.random.default_rng(SEED + 1)
    games = wins + wins.T
    drawn = generator.poisson(1.0, size=(N_RESAMPLES, *games.shape))
    added: Floats = drawn.astype(np.float64) * (games > 0)
    return added
