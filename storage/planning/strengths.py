"""Plans the measurement of an adapter at less than its full strength, and finds what was measured.

Task scores come from the selection side, because the strength is a choice; the held-out rows stay with the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from storage import db, deleted_names, job_inputs
from storage.data import datasets, splits
from storage.gallery import artifacts, strength, suites
from storage.jobs import jobs
from storage.models import TERMINAL, Artifact, Dataset, Job, JobInput, JobState, User
from templates import registry
from templates.at_strength import FIELD
from templates.errors import BadInput, Problem, refuse
from templates.jobs.strength import STRENGTHS
from templates.recipe import Recipe
from templates.roles import Role

KIND = "strength"
STARTUP_S = 3.0
SPREAD = (0.6, 1.7)
"""The range around the estimate: rows of the two sides may have other lengths, and the machine other work."""
VERDICT_PASSES = 2
"""Models that a verdict scores: what the training started from, and its result."""


@dataclass(frozen=True)
class StrengthPlan:
    """What will be measured, and on which rows."""

    artifact: Artifact
    recipe: Recipe
    task: tuple[Dataset, ...]
    """The datasets whose selection sides give the task's scores."""
    replayed: tuple[Dataset, ...]
    """Their prompts don't tell what was forgotten."""
    instructions: tuple[str, ...]
    """Of the task's datasets."""
    estimate: dict[str, Any] | None
    """None if the training didn't record how long its own evaluation took."""

    @property
    def learned(self) -> bool:
        """Whether the training also learned the selection rows, because it made no choice on them."""
        return not self.recipe.training().sets_apart


def plan(user: User, name: str) -> StrengthPlan:
    """Plan the measurement of this artifact. Raises `BadInput` with every reason why there can't be one."""
    artifact = artifacts.get(user, name)
    strength.require(artifact, artifacts.folder(artifact))
    training, used = jobs.get(user, artifact.job_id), job_inputs.of_job(artifact.job_id)
    task = tuple(one for one in used.all(Role.TRAINING) if isinstance(one, Dataset))
    replayed = tuple(one for one in used.all(Role.REPLAY) if isinstance(one, Dataset))
    recipe = Recipe.model_validate(artifacts.model_facts(artifact).recipe)
    refuse(_problems(artifact, recipe, task, replayed))
    further = (training.spec.get("mix") or {}).get("instructions") or [""] * (len(task) - 1)
    return StrengthPlan(
        artifact, recipe, task, replayed, (recipe.instruction, *further), _estimate(training, task) if task else None
    )


def _problems(
    artifact: Artifact, recipe: Recipe, task: Sequence[Dataset], replayed: Sequence[Dataset]
) -> list[Problem]:
    if not task:
        what = f"No training in this studio made “{artifact.name}”, so there are no rows to score it on."
        return [Problem(what, field=FIELD)]
    problems = [found for one in task for found in _without_rows(one)]
    problems += [
        Problem(
            f"The replayed dataset “{deleted_names.original(one.name)}” is deleted, so nobody knows which prompts were "
            "replayed.",
            field=FIELD,
            remedy="Train again without it, or with another one.",
        )
        for one in replayed
        if _is_gone(one)
    ]
    if not suites.forgetting_items(recipe.method):
        what = "This studio does not measure general abilities (STUDIO_FORGETTING_ITEMS is 0)."
        problems.append(Problem(what, field=FIELD, remedy="Ask whoever runs it to set STUDIO_FORGETTING_ITEMS to 6."))
    return problems


def _without_rows(data: Dataset) -> list[Problem]:
    """The reasons why a dataset gives no rows to choose a strength on."""
    if _is_gone(data):
        name = deleted_names.original(data.name)
        what = f"The dataset “{name}” of its training is deleted, so there are no rows to score it on."
        return [Problem(what, field=FIELD, remedy="Add the dataset again and train on it.")]
    if not registry.shape(data.shape).has_answers:
        what = f"“{data.name}” has prompts without answers, which can't be scored."
        return [Problem(what, field=FIELD, remedy="Train on a dataset with answers.")]
    if registry.shape(data.shape).judged and not registry.shape(data.shape).metrics:
        what = f"“{data.name}” has answers judged one by one. Less strength can't be measured on them."
        return [Problem(what, field=FIELD, remedy="Learn pairs of a better and a worse answer instead.")]
    if not splits.n_selected(data.n_rows - data.n_held_out):
        what = f"“{data.name}” is too small to have a selection side: choices need rows of their own."
        return [Problem(what, field=FIELD, remedy="Train on a dataset with at least two training rows.")]
    return []


def _is_gone(data: Dataset) -> bool:
    return data.deleted_at is not None or not datasets.file(data).is_file()


def _estimate(training: Job, task: Sequence[Dataset]) -> dict[str, Any] | None:
    """The time that it takes, from what the training's own evaluation took, or was expected to take."""
    seconds = (training.actual or {}).get("seconds") or (training.estimate or {}).get("seconds_by_stage") or {}
    judged_s = float(seconds.get("evaluating") or 0.0)
    if not judged_s:
        return None
    n_selected = sum(splits.n_selected(one.n_rows - one.n_held_out) for one in task)
    n_held_out = sum(one.n_held_out for one in task)
    share = min(1.5, n_selected / n_held_out) if n_held_out else 1.0
    # rows and items share the evaluation's time; with fewer rows, the items still take theirs
    evaluating = len(STRENGTHS) * judged_s / VERDICT_PASSES * (0.5 + 0.5 * share)
    preparing = max(STARTUP_S, float(seconds.get("preparing") or 0.0))
    total = preparing + evaluating
    return {
        "seconds": total,
        "seconds_low": SPREAD[0] * total,
        "seconds_high": SPREAD[1] * total,
        "seconds_by_stage": {"preparing": preparing, "evaluating": evaluating},
        "based_on": "the evaluation of its training",
    }


def submit(user: User, name: str, *, idem_key: str | None = None) -> Job:
    """Queue the measurement. Raises `BadInput` with every reason why there can't be one."""
    planned = plan(user, name)
    inputs = job_inputs.of(Role.MODEL, planned.artifact) + job_inputs.of(Role.PROMPTS, *planned.task)
    return jobs.submit(
        user,
        name=f"strength of {planned.artifact.name}",
        kind=KIND,
        spec={
            "strengths": list(STRENGTHS),
            "instructions": list(planned.instructions),
            "learned": planned.learned,
        },
        inputs=inputs + job_inputs.of(Role.REPLAY, *planned.replayed),
        estimate=planned.estimate,
        idem_key=idem_key,
    )


def why_not(user: User, name: str) -> str:
    """The reason why the artifact can't be measured, in words; empty if it can."""
    try:
        plan(user, name)
    except BadInput as error:
        return " ".join(filter(None, (text for one in error.problems for text in (one.message, one.remedy))))
    return ""


def of_artifact(user: User, artifact: Artifact) -> Job | None:
    """The newest measurement of this artifact that runs or succeeded; None if there is none."""
    wanted = [JobState.SUCCEEDED, *(state for state in JobState if state not in TERMINAL)]
    query = (
        select(Job)
        .join(JobInput, col(JobInput.job_id) == Job.id)
        .where(Job.owner_id == user.id, Job.kind == KIND, col(Job.state).in_(wanted))
        .where(JobInput.role == Role.MODEL, JobInput.artifact_id == artifact.id)
        .order_by(col(Job.created_at).desc())
    )
    with db.reading() as session:
        return session.exec(query.limit(1)).first()


def last_failure(user: User, artifact: Artifact) -> Job | None:
    """The newest measurement of this artifact if it failed, to be told beside the button."""
    query = (
        select(Job)
        .join(JobInput, col(JobInput.job_id) == Job.id)
        .where(Job.owner_id == user.id, Job.kind == KIND)
        .where(JobInput.role == Role.MODEL, JobInput.artifact_id == artifact.id)
        .order_by(col(Job.created_at).desc())
    )
    with db.reading() as session:
        last = session.exec(query.limit(1)).first()
    return last if last is not None and last.state == JobState.FAILED else None


def measured(job: Job | None) -> Mapping[str, Any] | None:
    """What a finished measurement found; None for any other job."""
    return job.result if job is not None and job.state == JobState.SUCCEEDED else None
