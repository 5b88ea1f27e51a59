"""Several datasets in one training: which, with which weights, and how much of each is learned in a pass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from storage import job_inputs
from storage.data import datasets
from storage.models import BaseModelRow, Dataset, JobInput, User
from storage.planning import dataset_figures, refusals
from storage.planning.apart import HeldOut, Judged
from storage.rendering.rendered_rows import LengthReport, histogram
from storage.settings import settings
from templates import mix, registry
from templates.errors import BadInput, Problem
from templates.mix import Mix, Portion, Weights
from templates.recipe import Recipe
from templates.roles import Role


@dataclass(frozen=True)
class Datasets:
    """The datasets of a training. With the first alone, nothing here adds to the plan."""

    first: Dataset
    others: tuple[Dataset, ...] = ()
    """The task's further ones."""
    replayed: tuple[Dataset, ...] = ()
    mix: Mix = field(default_factory=Mix)

    @property
    def mixed(self) -> bool:
        """Whether there is more than the first."""
        return bool(self.others or self.replayed)

    @property
    def task(self) -> tuple[Dataset, ...]:
        """Those that are learned and judged."""
        return self.first, *self.others

    @property
    def all(self) -> tuple[Dataset, ...]:
        """The task's, then the replayed ones."""
        return (*self.task, *self.replayed)

    @property
    def n_held_out(self) -> int:
        """The rows that the result is judged on."""
        return sum(one.n_held_out for one in self.task)

    @property
    def n_answered(self) -> int:
        """Of them, those that are answered: the first few hundred of each dataset."""
        return sum(min(one.n_held_out, settings().eval_rows) for one in self.task)

    @property
    def inputs(self) -> list[JobInput]:
        """The job's inputs, in the order of `mix`."""
        return [*job_inputs.of(Role.TRAINING, *self.task), *job_inputs.of(Role.REPLAY, *self.replayed)]


def find(
    user: User, objective: str, dataset: str, weights: Weights, replay: Weights, task_share: float | None = None
) -> tuple[Datasets, list[Problem]]:
    """The datasets of a training on `dataset`, and what is wrong with them.

    `weights` names all of the task's datasets, or is empty; `replay` names those to replay, each with its share. A
    repair has a `task_share` instead. Raises `NotFound` for an unknown one.
    """
    task = weights if dataset in weights else {dataset: None, **weights}
    first = datasets.get(user, dataset)
    others = {name: datasets.get(user, name) for name in task if name != dataset}
    found = Datasets(first, tuple(others.values()), tuple(datasets.get(user, name) for name in replay))
    problems = mix.problems(task if others else {}, replay)
    if not found.mixed:
        return found, problems
    problems += _unmixable(objective)
    problems += [problem for one in found.others for problem in refusals.of_data(one, objective)]
    repairs = registry.objective(objective).repairs
    problems += [problem for one in found.replayed for problem in refusals.of_replay(one, prompts_only=repairs)]
    problems += _the_same(found)
    if problems:
        return found, problems
    in_order = [task[dataset], *(task[name] for name in others)] if others else []
    shares = mix.shares_of(replay) if task_share is None else ((1 - task_share) / len(replay),) * len(replay)
    told = Mix(
        weights=tuple(weight for weight in in_order if weight is not None),
        instructions=tuple(one.instruction or "" for one in found.others),
        replayed=shares,
        prompts_first=task_share is not None,
    )
    return replace(found, mix=told), []


def _unmixable(objective: str) -> list[Problem]:
    if registry.objective(objective).mixes:
        return []
    able = " or ".join(key for key, one in registry.objectives().items() if one.mixes)
    what = f"{objective} learns from one dataset alone."
    return [Problem(what, field="data", remedy=f"Leave out the others, or choose the objective {able}.")]


def _the_same(found: Datasets) -> list[Problem]:
    known: dict[str, str] = {}
    problems = []
    for one in found.all:
        if one.sha256 in known:
            what = f"“{one.name}” holds the same rows as “{known[one.sha256]}”."
            problems.append(Problem(what, field="data", remedy="Leave one of them out, or raise its weight."))
        known.setdefault(one.sha256, one.name)
    return problems


def judged(found: Datasets, suite: str, n_items: int) -> Judged:
    """What the result will be asked."""
    sides = tuple(HeldOut(datasets.file(one), one.shape) for one in found.task)
    return Judged(sides, suite, n_items)


@dataclass(frozen=True)
class Lengths:
    """What is learned of all datasets, as if it were one."""

    report: LengthReport
    portions: tuple[Portion, ...] = ()
    """By dataset; empty for a single one."""
    replayed_share: float = 0.0
    """Of the tokens that are read in a pass, the share of replayed rows."""


def lengths(base: BaseModelRow, found: Datasets, recipe: Recipe, asked: Judged, *, patient: bool) -> Lengths:
    """The lengths of all rows to learn from. Raises `BadInput` if a dataset has none, `Counting` unless `patient`."""
    chooses = recipe.training().sets_apart
    if not found.mixed:
        report = dataset_figures.measured(base, found.first, recipe, chooses=chooses, patient=patient)
        refusals.untrainable(report, found.first, recipe, base.name)
        return Lengths(report)
    instructions = [recipe.instruction, *found.mix.instructions, *[""] * len(found.replayed)]
    reports, left_out = [], []
    for place, (one, instruction) in enumerate(zip(found.all, instructions, strict=True)):
        in_task = place < len(found.task)
        without = dataset_figures.left_out(
            one, asked.for_task(datasets.file(one)) if in_task else asked, patient=patient
        )
        _refuse_all_left_out(one, len(without))
        told = recipe.model_copy(update={"instruction": instruction})
        report = dataset_figures.measured(
            base, one, told, without=without, replayed=not in_task, chooses=chooses and in_task, patient=patient
        )
        refusals.untrainable(report, one, recipe, base.name)
        reports.append(report)
        left_out.append(tuple(without))
    return _together(found, reports, left_out)


def _refuse_all_left_out(dataset: Dataset, n_left_out: int) -> None:
    if n_left_out < dataset.n_rows - dataset.n_held_out:
        return
    what = f"All training rows of “{dataset.name}” ask (nearly) the same as the verdict."
    raise BadInput(Problem(what, field="data", remedy="Leave it out: its rows could not be learned."))


def _together(found: Datasets, reports: list[LengthReport], left_out: list[tuple[int, ...]]) -> Lengths:
    n_task = len(found.task)
    counts = mix.counts([one.n_examples for one in reports], n_task, found.mix)
    portions = tuple(
        Portion(
            name=one.name,
            replayed=place >= n_task,
            prompts=place >= n_task and found.mix.prompts_first,
            n_rows=report.n_examples,
            per_pass=count,
            n_tokens=report.n_trained_tokens,
            left_out=without,
        )
        for place, (one, report, count, without) in enumerate(zip(found.all, reports, counts, left_out, strict=True))
    )
    read = [report.n_tokens * one.per_pass / report.n_examples for one, report in zip(portions, reports, strict=True)]
    return Lengths(_summed(portions, reports, sum(read)), portions, sum(read[n_task:]) / max(1.0, sum(read)))


def _summed(portions: tuple[Portion, ...], reports: list[LengthReport], read: float) -> LengthReport:
    """One report on a pass: rows are counted once, examples and the tokens `read` as often as they come up."""
    sums = ["n_rows", "n_truncated", "n_refused", "n_cut_tokens", "n_with_control_tokens", "n_without_tools"]
    sums += ["n_last_only", "n_system_moved"]
    return replace(
        reports[0],
        **{name: sum(getattr(report, name) for report in reports) for name in sums},
        n_examples=sum(one.per_pass for one in portions),
        n_tokens=round(read),
        n_trained_tokens=round(sum(one.tokens_per_pass for one in portions)),
        longest=max(report.longest for report in reports),
        histogram=histogram([edge for report in reports for edge, n in report.histogram for _ in range(n)]),
        refused_rows=[
            (row, f"“{one.name}”: {why}")
            for one, report in zip(portions, reports, strict=True)
            for row, why in report.refused_rows
        ],
        truncated_rows=[],
    )
