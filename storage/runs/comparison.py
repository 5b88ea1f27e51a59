"""Two to six trainings compared: the settings that differ, the verdicts, and paired differences from the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage import db, job_inputs
from storage.data import openings
from storage.gallery import artifacts
from storage.job_inputs import Inputs
from storage.jobs import jobs
from storage.models import TERMINAL, Artifact, Job, JobState, User
from storage.runs import paired, row_outcomes, settings
from storage.runs.paired import Difference
from storage.runs.row_outcomes import RowOutcomes
from storage.runs.settings import Setting
from templates import registry
from templates.errors import Problem, refuse

FEWEST, MOST = 2, 6
NO_ROWS = "An earlier version of the studio made one of the two results and did not keep the outcome of each row."


@dataclass(frozen=True)
class Run:
    """A training job with all that a comparison shows of it."""

    job: Job
    label: str
    """Its name; with the start of its id if another compared run has the same name."""
    inputs: Inputs
    settings: list[Setting]
    outcomes: RowOutcomes | None
    """Of its result's held-out rows; None if they were not kept or the result was deleted."""

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        """None if the job has not succeeded."""
        return self.job.result if self.job.state == JobState.SUCCEEDED else None


@dataclass(frozen=True)
class Differing:
    """A setting that is not the same in all runs, with each run's value; "–" where a run doesn't have it."""

    key: str
    title: str
    values: list[str]


@dataclass(frozen=True)
class Against:
    """A run against the first one: the differences, the deciding metric's first; else why there are none."""

    run: Run
    differences: list[Difference]
    why_not: str | None = None


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; the first is the one that the others are compared with."""

    runs: list[Run]
    differing: list[Differing]
    against_first: list[Against]
    remarks: list[str]

    @property
    def first(self) -> Run:
        """The run that the others are compared with."""
        return self.runs[0]


def compare(user: User, job_ids: Sequence[str]) -> Comparison:
    """Compare the user's trainings, the others with the first.

    Raises `NotFound` for an unknown job, and `BadInput` for too few, too many, repeated or other jobs.
    """
    found = [jobs.get(user, job_id) for job_id in job_ids]
    refuse(_problems(found))
    inputs = job_inputs.of_jobs(job.id for job in found)
    named = Counter(job.name for job in found)
    runs = [
        Run(
            job=job,
            label=job.name if named[job.name] == 1 else f"{job.name} {job.id[:6]}",
            inputs=inputs[job.id],
            settings=settings.of(job, inputs[job.id]),
            outcomes=_outcomes(job, inputs[job.id]),
        )
        for job in found
    ]
    against = [_against(runs[0], run) for run in runs[1:]]
    return Comparison(runs, differing([run.settings for run in runs]), against, _remarks(user, runs))


def _problems(found: Sequence[Job]) -> list[Problem]:
    problems = []
    if not FEWEST <= len(found) <= MOST:
        problems.append(Problem(f"Choose {FEWEST} to {MOST} runs, not {len(found)}.", field="ids"))
    repeated = [job_id for job_id, n in Counter(job.id for job in found).items() if n > 1]
    problems += [Problem(f"The run “{job_id}” is listed twice.", field="ids") for job_id in repeated]
    for job in found:
        kind = registry.job_kind(job.kind)
        if not kind.trains:
            what = f"“{job.name}” is a job of the kind {kind.title}; only trainings can be compared as runs."
            problems.append(Problem(what, field="ids", remedy="Leave it out. Its own page shows its results."))
    return problems


def _outcomes(job: Job, inputs: Inputs) -> RowOutcomes | None:
    measured_on = inputs.measured_on
    if not job.artifact_id or measured_on is None:
        return None
    with db.reading() as session:
        artifact = session.get(Artifact, job.artifact_id)
    if artifact is None or artifact.deleted_at is not None or not artifacts.folder(artifact).is_dir():
        return None
    return row_outcomes.of_artifact(artifact, measured_on)


def differing(found: Sequence[Sequence[Setting]]) -> list[Differing]:
    """The settings that are not the same everywhere, in the order of the runs that have them.

    A parameter that only some methods have counts if the runs that have it differ.
    """
    by_key = [{one.key: one for one in of_run} for of_run in found]
    known = {one.key: one for of_run in reversed(found) for one in of_run}
    table = []
    for key in dict.fromkeys(one.key for of_run in found for one in of_run):
        values = [of_run[key].value if key in of_run else None for of_run in by_key]
        counted = {value for value in values if value is not None or not known[key].is_parameter}
        if len(counted) > 1:
            table.append(Differing(key, known[key].title, [value or "–" for value in values]))
    return table


def _against(first: Run, run: Run) -> Against:
    why_not = next((why for one in (first, run) if (why := _no_verdict(one))), None) or _not_paired(first, run)
    if why_not or first.verdict is None or first.outcomes is None or run.outcomes is None:
        return Against(run, [], why_not)
    decides = str(first.verdict["headline"])
    found = [paired.compare(metric, first.outcomes, run.outcomes) for metric in dict.fromkeys([decides, "loss"])]
    differences = [one for one in found if one]
    if decides in [one.metric for one in differences]:
        return Against(run, differences)
    title = f"The metric that decided about “{first.label}” was not measured for “{run.label}” row by row."
    return Against(run, differences, title)


def _no_verdict(run: Run) -> str | None:
    """Why a run has no verdict; None if it has one."""
    if run.verdict:
        return None
    state = "has not ended" if run.job.state not in TERMINAL else run.job.state.lower()
    return f"“{run.label}” has no verdict: it {'was cancelled' if state == 'cancelled' else state}."


def _not_paired(first: Run, run: Run) -> str | None:
    """Why two verdicts can't be compared row by row; None if they can."""
    for one in (first, run):
        if one.outcomes is None and one.job.artifact_id and _is_deleted(one.job.artifact_id):
            return f"The result of “{one.label}” was deleted, and with it the outcome of each row."
    if first.outcomes is None or run.outcomes is None:
        data = {one.inputs.measured_on.sha256 if one.inputs.measured_on else one.job.id for one in (first, run)}
        return NO_ROWS if len(data) == 1 else _other_rows(first, run)
    return None if first.outcomes.side == run.outcomes.side else _other_rows(first, run)


def _other_rows(first: Run, run: Run) -> str:
    return (
        f"“{run.label}” and “{first.label}” were measured on different held-out rows, so the two scores can't be "
        "compared row by row, and a difference between them may come from the rows."
    )


def _is_deleted(artifact_id: str) -> bool:
    with db.reading() as session:
        artifact = session.get(Artifact, artifact_id)
    return artifact is None or artifact.deleted_at is not None


def _remarks(user: User, runs: Sequence[Run]) -> list[str]:
    judged = [run for run in runs if run.verdict]
    said = []
    if len(judged) > 1:
        said.append(
            f"The best of {len(judged)} runs is flattered: part of its lead is luck, and the more runs you compare, "
            "the more. The intervals are not corrected for that. Confirm the winner on rows that no run was judged on."
        )
    if len({run.job.spec.get("recipe", {}).get("objective") for run in runs}) > 1:
        said.append("The runs have different goals, whose training losses can't be compared.")
    counted, on = openings.counts(user.id), [run.inputs.measured_on for run in judged]
    for data in {one.sha256: one for one in on if one}.values():
        if (n := counted.get(data.id, 0)) > 1:
            said.append(f"{data.name.partition(' (deleted ')[0]}: {openings.sentence(n)}")
    return said
