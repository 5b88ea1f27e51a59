"""Training jobs: their plans and their submission."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storage import job_inputs, model_names
from storage.bases import base_models, checkpoint_headers
from storage.gallery import suites
from storage.jobs import jobs, worker_rows
from storage.models import Artifact, BaseModelRow, Dataset, Job, User, Worker
from storage.planning import (
    continuations,
    dataset_figures,
    estimates,
    fitting,
    forgetting,
    judged_rows,
    machines,
    mixes,
    near_base,
    references,
    refusals,
    repairs,
    reward_costs,
    reward_models,
    sampling_costs,
    shortening,
    teacher_costs,
    teachers,
    unusual,
)
from storage.planning.apart import Judged
from storage.planning.continuations import Continuation, Start
from storage.planning.estimates import Estimate
from storage.rendering.rendered_rows import LengthReport
from templates import instructions, registry
from templates.continuation import ContinueFrom
from templates.errors import BadInput, Problem, refuse
from templates.mix import NO_WEIGHTS, Portion, Weights
from templates.recipe import Recipe, compose
from templates.roles import Role
from templates.spec import Preset, Quantization


class DoesNotFit(BadInput):
    """The job needs more memory or disk than there is; `estimate.advice` lists changes that would make it fit."""

    code = "does_not_fit"

    def __init__(self, problem: Problem, estimate: Estimate):
        super().__init__(problem)
        self.estimate = estimate

    def as_dict(self) -> dict[str, Any]:
        """The error with the changes that would make the job fit."""
        body = super().as_dict()
        body["error"]["advice"] = [fix.model_dump() for fix in self.estimate.advice]
        return body


@dataclass(frozen=True)
class Plan:
    """A job's effects and costs. Nothing is created before `submit`."""

    recipe: Recipe
    base_row: BaseModelRow
    """The base model; below a result, the one at the root of its chain."""
    data: mixes.Datasets
    lengths: LengthReport
    """Of several datasets, as they come up in one pass."""
    estimate: Estimate
    unusual: tuple[Problem, ...] = ()
    """Settings that work but can hardly be meant."""
    parent: Artifact | None = None
    """The result that the training goes on from."""
    continuation: Continuation | None = None
    """How it goes on from there."""
    teacher: BaseModelRow | Artifact | None = None
    """The model that it learns from."""
    reward: Artifact | None = None
    """The reward model whose scores reward its answers."""
    portions: tuple[Portion, ...] = ()
    """What is learned of each dataset, if there are several."""
    notes: tuple[str, ...] = ()
    """What else to know: what a reference takes, and what is odd about the judged answers to learn from."""

    @property
    def dataset_row(self) -> Dataset:
        """The first dataset."""
        return self.data.first


def plan(
    user: User,
    *,
    base: str,
    dataset: str,
    objective: str,
    method: str,
    preset: Preset = "balanced",
    quantization: Quantization = "none",
    instruction: str | None = None,
    settings: Mapping[str, Any] | None = None,
    continue_from: ContinueFrom = "advised",
    teacher: str | None = None,
    reward: str | None = None,
    weights: Weights = NO_WEIGHTS,
    replay: Weights = NO_WEIGHTS,
    patient: bool = True,
) -> Plan:
    """Check a training job and estimate its cost; cheap to call again with other settings.

    Unless `patient`, raises `figures.Counting` while the rows are being counted.

    `base` may be a result, from which `continue_from` says how to go on. `teacher` is the base model or result that
    the objective learns from, if it learns from one; `reward` the reward model that rewards its answers, alone unless
    the settings name checks. Without an `instruction`, the dataset's own is used, or else the one that the base was
    trained with; "" means none. `weights` names all datasets that are learned together and judged, `dataset` too;
    `replay` those that are only learned beside them.
    Raises `BadInput` with every problem at once for choices that can't work, `DoesNotFit` for a job
    that this machine can't hold, `NotFound` for an unknown base model or dataset.
    """
    begins = continuations.start(user, base)
    base_row, facts = begins.root, base_models.facts(begins.root)
    how = continuations.decide(begins, objective, method, settings or {}, continue_from)
    share = None
    if registry.objective(objective).repairs:
        dataset, weights, replay, share = repairs.sides(user, begins, dataset, weights, replay, settings or {})
    data, mixed_up = mixes.find(user, objective, dataset, weights, replay, task_share=share)
    dataset_row = data.first
    settings = {**continuations.inherited(begins, how), **reward_models.alone(objective, reward, settings or {})}
    instruction = begins.instruction_for(dataset_row) if instruction is None else instruction
    taught, rewarding = teachers.find(user, objective, teacher), reward_models.find(user, objective, reward)
    problems = [*taught.problems, *rewarding.problems, *refusals.of_data(dataset_row, objective), *mixed_up]
    problems += instructions.misplaced(registry.shape(dataset_row.shape), instruction)
    chosen: Any = {"preset": preset, "quantization": quantization, "instruction": instruction, "settings": settings}
    try:
        recipe = compose(objective, method, **chosen, facts=facts)
    except BadInput as error:
        raise BadInput(*problems, *error.problems) from error
    problems += teachers.problems(taught, begins.model, recipe, dataset_row, patient=patient)
    problems += [*reward_models.problems(rewarding, reward, recipe), *near_base.problems(recipe, data)]
    refuse([*problems, *refusals.of_choice(dataset_row, recipe)])
    learned = mixes.lengths(base_row, data, recipe, _judged(data, base_row, recipe), patient=patient)
    lengths = learned.report
    estimate = _estimate(user, begins, how, recipe, learned, data, taught, rewarding)
    detectable = dataset_figures.detected(dataset_row, patient=patient) if len(data.task) == 1 else None
    seen = estimate.model_copy(update={"detectable": detectable})
    odd = unusual.of(recipe, facts, lengths.n_rows - lengths.n_refused, estimate.steps)
    models = begins.parent, how, taught.model, rewarding.model
    plain = Plan(recipe, base_row, data, lengths, seen, odd, *models, learned.portions)
    reference = references.sentence(recipe, facts, estimate)
    judged = judged_rows.sentences(dataset_row, recipe, patient=patient)
    judge = rewarding.model.name if rewarding.model else ""
    sampled = [*sampling_costs.sentences(recipe, estimate, judge)]
    sampled += [reward_costs.sentence(judge, estimate)] if judge else []
    return replace(plain, notes=(*sampled, *([reference] if reference else []), *judged))


def _judged(data: mixes.Datasets, base: BaseModelRow, recipe: Recipe) -> Judged:
    """What the result will be asked."""
    return mixes.judged(data, suites.of_base(base.source), suites.forgetting_items(recipe.method))


def _estimate(
    user: User,
    begins: Start,
    how: Continuation | None,
    recipe: Recipe,
    counted: mixes.Lengths,
    data: mixes.Datasets,
    taught: teachers.Found,
    rewarding: reward_models.Found,
) -> Estimate:
    """Estimate the recipe's cost on the machine that will probably run it. Raises `DoesNotFit`."""
    base, worker, shape, n_held_out = begins.root, likely_worker(), registry.shape(data.first.shape), data.n_held_out
    facts, lengths = base_models.facts(base), counted.report
    machine, pace = machines.of_worker(worker, facts), machines.earlier_pace(base.id, recipe, worker)
    answers = registry.makes_answering_models(recipe.objective)
    answered = data.n_answered if answers else 0
    carried_bytes = continuations.carried_bytes(begins, how, recipe)
    shipped_bytes = base.size_bytes if base.source == "bundled" else carried_bytes
    papers_bytes = _papers_bytes(base_models.folder(base))
    forgets = forgetting.NOTHING
    if answers:  # what gives no answers can't be asked what it has forgotten
        forgets = forgetting.planned(base.source, base.revision, recipe.method, on_result=begins.parent is not None)

    def estimated(changed: Recipe) -> Estimate:
        learned = sampling_costs.as_written(teacher_costs.as_taught(lengths, changed, shape), changed)
        cost = estimates.estimate(facts, changed, learned, n_held_out, machine, pace, shipped_bytes, forgets, answered)
        cost = teacher_costs.priced(cost, taught.facts, facts, changed, lengths, shape, machine)
        cost = sampling_costs.priced(cost, facts, changed, learned, machine)
        cost = reward_costs.priced(cost, rewarding.facts, changed, learned, machine)
        cost = near_base.priced(cost, facts, changed, counted, on_gpu=machine.on_gpu)
        ships_base = registry.method(changed.method).trains == "adapter"
        published = cost.result_bytes + papers_bytes + (shipped_bytes if ships_base else 0)
        cost = continuations.priced(cost, begins, how, changed.objective, on_gpu=machine.on_gpu)
        return cost.model_copy(update={"published_bytes": published})

    estimate = estimated(recipe)
    if not estimate.fits:
        estimate = estimate.model_copy(update={"advice": fitting.fixes(facts, recipe, estimated)})
        used = [found.model.name if found.model else "" for found in (taught, rewarding)]
        raise DoesNotFit(refusals.too_large(estimate, *used), estimate)
    if not shortening.is_long(estimate):
        return estimate
    figures_of = shape, n_held_out, machine, pace, shipped_bytes, forgets, taught.facts, answered, rewarding.facts
    job = shortening.Long(facts, recipe, lengths, *figures_of)
    smaller = [] if begins.parent else shortening.smaller_bases(user, base, recipe, worker)
    shorter = shortening.fixes(job, estimate, smaller)
    return estimate.model_copy(update={"shorter": shorter})


def _papers_bytes(folder: Path) -> int:
    """The size of what a result keeps of its base besides weights: tokenizer, template, configuration."""
    weights = checkpoint_headers.weight_files(folder)
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file() and path.name not in weights)


def likely_worker() -> Worker | None:
    """The worker that would probably run a job: the one with the most memory among those that take jobs."""
    taking = [worker for worker in worker_rows.alive() if not worker.draining]
    return max(taking, key=lambda worker: worker.memory_total_bytes, default=None)


def submit(user: User, plan: Plan, *, name: str, idem_key: str | None = None) -> Job:
    """Queue the planned job. Raises `BadInput` when the name is unusable or taken.

    The same `idem_key` returns the same job again; that job's own name does not count as taken.
    """
    if idem_key is None or jobs.with_key(user, idem_key) is None:
        refuse(model_names.problems(user, name))
    base, how = plan.parent or plan.base_row, plan.continuation
    continued = {"continued": how.way, "continued_because": how.why} if how else {}
    mixed = {"mix": plan.data.mix.model_dump(mode="json")} if plan.data.mixed else {}
    return jobs.submit(
        user,
        name=name,
        kind="train",
        spec={
            "recipe": plan.recipe.model_dump(mode="json"),
            "shape": plan.dataset_row.shape,
            **continued,
            **mixed,
        },
        inputs=[
            *job_inputs.of(Role.BASE, base),
            *plan.data.inputs,
            *(job_inputs.of(Role.TEACHER, plan.teacher) if plan.teacher else []),
            *(job_inputs.of(Role.REWARD, plan.reward) if plan.reward else []),
        ],
        estimate=plan.estimate.model_dump(mode="json"),
        idem_key=idem_key,
    )
