"""Finds changes that make a long job shorter; each is estimated like the job itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from storage.bases import base_models
from storage.models import BaseModelRow, User, Worker
from storage.planning import estimates, fitting, machines, reward_costs, sampling_costs, teacher_costs
from storage.planning.estimates import Estimate, Fix
from storage.planning.forgetting import NOTHING, Forgetting
from storage.planning.machines import Machine, Pace
from storage.rendering.rendered_rows import LengthReport
from templates import registry
from templates.quantities import minutes_range, plural
from templates.recipe import Recipe
from templates.rewards import RewardedParams
from templates.spec import BaseFacts, RowShape

FEWEST_ANSWERS = 4
"""To each prompt, where answers are compared with each other."""
LONG_S = 30 * 60
"""A job that may take longer than this comes with changes that would make it shorter."""
WORTH = 0.8
"""A change is offered if the job then takes at most this share of the time."""
MAX_OFFERED = 3
CUT_SHARE = 0.05
"""At most this share of the rows may be cut to save time."""
FEWER_LOOKS = 0.5


class SmallerBase(NamedTuple):
    """A base model with fewer parameters, and the pace of an earlier job on it."""

    name: str
    facts: BaseFacts
    pace: Pace | None


@dataclass(frozen=True)
class Long:
    """A job as it is estimated; see `estimates.estimate`."""

    facts: BaseFacts
    recipe: Recipe
    lengths: LengthReport
    shape: RowShape
    n_held_out: int
    machine: Machine
    pace: Pace | None
    shipped_bytes: int = 0
    forgets: Forgetting = NOTHING
    teacher: BaseFacts | None = None
    n_answered: int | None = None
    reward: BaseFacts | None = None

    def estimated(self) -> Estimate:
        """Its estimate."""
        learned = sampling_costs.as_written(teacher_costs.as_taught(self.lengths, self.recipe, self.shape), self.recipe)
        found = estimates.estimate(
            self.facts,
            self.recipe,
            learned,
            self.n_held_out,
            self.machine,
            self.pace,
            self.shipped_bytes,
            self.forgets,
            self.n_answered,
        )
        found = sampling_costs.priced(found, self.facts, self.recipe, learned, self.machine)
        found = reward_costs.priced(found, self.reward, self.recipe, learned, self.machine)
        return teacher_costs.priced(
            found, self.teacher, self.facts, self.recipe, self.lengths, self.shape, self.machine
        )


def is_long(estimate: Estimate) -> bool:
    """Whether it takes so long that changes are worth offering."""
    return estimate.seconds_high > LONG_S


def fixes(job: Long, before: Estimate, smaller: Sequence[SmallerBase] = ()) -> list[Fix]:
    """Up to three changes that save much time, the most effective first.

    `smaller` are the base models to consider, the largest first.
    """
    found = []
    for what, changed, base in _candidates(job, smaller):
        after = changed.estimated()
        if after.fits and after.seconds <= WORTH * before.seconds:
            found.append((after.seconds, _offer(job, what, changed, base, before, after)))
    return [fix for _, fix in sorted(found, key=lambda one: one[0])[:MAX_OFFERED]]


def smaller_bases(user: User, base: BaseModelRow, recipe: Recipe, worker: Worker | None) -> list[SmallerBase]:
    """The user's base models with fewer parameters than `base`, the largest first."""
    most = base_models.facts(base).n_parameters
    known = [(row, base_models.facts(row)) for row in base_models.of_user(user)]
    smaller = sorted((one for one in known if one[1].n_parameters < most), key=lambda one: -one[1].n_parameters)
    return [SmallerBase(row.name, facts, machines.earlier_pace(row.id, recipe, worker)) for row, facts in smaller]


def _candidates(job: Long, smaller: Sequence[SmallerBase]) -> Iterator[tuple[str, Long, str | None]]:
    """Changed jobs, each with what changes in words and the name of another base."""
    training = job.recipe.training()
    if training.num_train_epochs > 1 and training.max_steps < 1:
        passes = max(1.0, training.num_train_epochs / 2)
        n = "1 pass" if passes == 1 else f"{passes:g} passes"
        words = f"{n} over the data instead of {training.num_train_epochs:g}"
        yield words, _with(job, num_train_epochs=passes), None
    if training.max_steps > 1:
        steps = training.max_steps // 2
        yield f"{plural(steps, 'update')} instead of {training.max_steps:,}", _with(job, max_steps=steps), None
    if isinstance(training, RewardedParams) and training.num_generations > FEWEST_ANSWERS:
        fewer = max(FEWEST_ANSWERS, training.num_generations // 2)
        words = f"{fewer} answers per prompt instead of {training.num_generations}"
        yield words, _with(job, num_generations=fewer), None
    if training.gradient_checkpointing:
        yield "activations kept in memory, not computed again", _with(job, gradient_checkpointing=False), None
    if training.eval_steps < FEWER_LOOKS and not training.chooses:  # else they choose the weights
        yield "fewer measurements of the held-out loss", _with(job, eval_steps=FEWER_LOOKS), None
    for other in list(fitting.with_adapter(job.recipe, job.facts))[1:]:
        yield f"the method {registry.method(other.method).title}", replace(job, recipe=other), None
    yield from _cut(job)
    for name, facts, pace in smaller:
        if facts.context_length >= training.max_length:
            yield f"the smaller base model “{name}”", replace(job, facts=facts, pace=pace), name
            return


def _with(job: Long, **params: float | bool) -> Long:
    changed = job.recipe.model_copy(update={"objective_params": {**job.recipe.objective_params, **params}})
    return replace(job, recipe=changed)


def _cut(job: Long) -> Iterator[tuple[str, Long, None]]:
    """Rows cut at a length that few exceed. Tokens are estimated from the histogram of lengths."""
    if registry.objective(job.recipe.objective).trains_prompt:
        return  # plain text is divided into pieces of this length, not cut
    limit, bins = job.recipe.training().max_length, job.lengths.histogram
    n = sum(count for _, count in bins)
    beyond = n
    for edge, count in bins:
        beyond -= count
        if edge < limit and beyond and beyond <= CUT_SHARE * n and edge >= fitting.SHORTEST_ROW:
            kept = sum(min(upper, edge) * count for upper, count in bins) / sum(min(u, limit) * c for u, c in bins)
            lengths = replace(job.lengths, n_tokens=round(job.lengths.n_tokens * kept))
            words = f"rows cut at {edge:,} tokens ({plural(beyond, 'row')} would lose their end)"
            yield words, replace(_with(job, max_length=edge), lengths=lengths), None
            return


def _offer(job: Long, what: str, changed: Long, base: str | None, before: Estimate, after: Estimate) -> Fix:
    params, was = changed.recipe.objective_params, job.recipe.objective_params
    settings = {name: value for name, value in params.items() if value != was[name]}
    if changed.recipe.quantization != job.recipe.quantization:
        settings["quantization"] = changed.recipe.quantization
    time = f"{minutes_range(*after.minutes)} instead of {minutes_range(*before.minutes).removeprefix('≈ ')}"
    return Fix(
        text=f"Use {what}: {time}.",
        settings=settings,
        method=changed.recipe.method if changed.recipe.method != job.recipe.method else None,
        base=base,
    )
