"""The JSON that REST and `--json` return for a database row."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel

from storage.models import Artifact, BaseModelRow, Dataset, Job, JobEvent, JobMetric, Upload, User, Worker
from templates import registry

if TYPE_CHECKING:
    from storage.data.datasets import Preview
    from storage.data.health.report import Baseline, Found, Report
    from storage.data.rows.lengths import Lengths
    from storage.data.versions import Difference
    from storage.planning.training import Plan
    from storage.teacher_readings import Reading

INSIDE: dict[type[SQLModel], set[str]] = {
    Artifact: {"owner_id", "location", "deleted_at"},
    BaseModelRow: {"owner_id", "location", "deleted_at"},
    Dataset: {"owner_id", "header", "deleted_at"},
    Job: {"owner_id", "idem_key", "lease_owner", "lease_until", "progress_seq", "stuck_attempts", "rung_at"},
    JobEvent: {"job_id"},
    JobMetric: {"job_id"},
    Upload: {"owner_id"},
    Worker: {"secret_key"},
}
"""Internal columns that are never shown, by table."""
WORKER_PLACE = {"id", "host", "pid"}
"""Columns that tell where a worker runs: its id is made of the machine's boot, the process and its start."""


def of(row: SQLModel) -> dict[str, Any]:
    """A row's columns without the internal ones."""
    document = row.model_dump(mode="json", exclude=INSIDE[type(row)])
    return {name: document[name] for name in type(row).model_fields if name in document}


def of_base_model(row: BaseModelRow) -> dict[str, Any]:
    """A base model, and whether an administrator shared it."""
    return {**of(row), "shared": row.is_shared}


def of_worker(user: User, worker: Worker) -> dict[str, Any]:
    """A worker; its host and process only for administrators."""
    return {key: value for key, value in of(worker).items() if user.is_admin or key not in WORKER_PLACE}


def of_event(user: User, event: JobEvent) -> dict[str, Any]:
    """An event of a job; the worker that claimed the job only for administrators."""
    document = of(event)
    if not user.is_admin:
        document["data"] = {key: value for key, value in event.data.items() if key != "worker"}
    return document


def of_dataset(dataset: Dataset) -> dict[str, Any]:
    """A dataset, and how often a verdict has opened its held-out side."""
    return of_datasets([dataset])[0]


def of_datasets(found: Sequence[Dataset]) -> list[dict[str, Any]]:
    """The same of several; what is counted is looked up once for each owner."""
    opened = _openings(row.owner_id for row in found)
    return [{**of(row), "held_out_openings": opened[row.id]} for row in found]


def of_artifact(artifact: Artifact) -> dict[str, Any]:
    """An artifact with its kind's own fields, its lineage, and how often the held-out side behind its verdict
    has been opened."""
    return of_artifacts([artifact])[0]


def of_artifacts(found: Sequence[Artifact]) -> list[dict[str, Any]]:
    """The same of several; what is counted is looked up once for each owner."""
    from app.api import input_documents

    opened = _openings(row.owner_id for row in found)
    inputs = input_documents.of_jobs(row.job_id for row in found)
    documents = []
    for row in found:
        document, used = of(row), inputs[row.job_id]
        facts, measured_on = document.pop("facts"), used.inputs.measured_on
        n = opened.get(measured_on.id) if measured_on else None
        documents.append({**document, **facts, **used.document, "held_out_openings": n})
    return documents


def _openings(owners: Iterable[str]) -> dict[str, int]:
    from storage.data import openings

    return {dataset_id: n for owner in set(owners) for dataset_id, n in openings.counts(owner).items()}


def of_job(job: Job) -> dict[str, Any]:
    """A job with its place in the queue, its inputs, and its result under the result's name."""
    return of_jobs([job])[0]


def of_jobs(found: Sequence[Job]) -> list[dict[str, Any]]:
    """The same of several; places and inputs are looked up once for all."""
    from app.api import input_documents
    from storage.jobs import job_lists, time_left

    inputs, places = input_documents.of_jobs(job.id for job in found), job_lists.positions(found)
    documents = []
    for job in found:
        document = {**of(job), **inputs[job.id].document, "position": places.get(job.id)}
        document["estimate"] = _without_host(job.estimate)
        left = time_left.left(job)
        document |= {"share_done": time_left.share_done(job), "time_left_s": left and [left.low_s, left.high_s]}
        document[registry.job_kind(job.kind).result] = document.pop("result")
        error = {key: document.pop(column) for key, column in _ERROR_COLUMNS.items()}
        documents.append({**document, "error": error if error["code"] else None})
    return documents


def _without_host(estimate: dict[str, Any] | None) -> dict[str, Any] | None:
    """Estimates of older versions name the machine as “host (device)”; now only administrators see hosts."""
    if estimate is None or not (named := _HOST.fullmatch(str(estimate.get("machine")))):
        return estimate
    told = {key: str(estimate[key]).replace(named[0], named["device"]) for key in ("machine", "based_on")}
    return {**estimate, **told}


_HOST = re.compile(r"\S+ \((?P<device>.+)\)")


_ERROR_COLUMNS = {"code": "error_code", "message": "error", "remedy": "remedy"}


def of_plan(plan: Plan) -> dict[str, Any]:
    """The plan of a training job, and its cost; how it goes on, if it starts from a result."""
    how = plan.continuation
    return {
        "base": plan.parent.name if plan.parent else plan.base_row.name,
        "root": plan.base_row.name,
        "continuation": {"way": how.way, "why": how.why} if how else None,
        "dataset": plan.dataset_row.name,
        "mix": [portion.model_dump() for portion in plan.portions],
        "teacher": plan.teacher.name if plan.teacher else None,
        "reward": plan.reward.name if plan.reward else None,
        "recipe": plan.recipe.model_dump(mode="json"),
        "lengths": dataclasses.asdict(plan.lengths),
        "estimate": plan.estimate.model_dump(mode="json"),
    }


def of_reading(reading: Reading) -> dict[str, Any]:
    """What is kept of a teacher for some rows."""
    return dataclasses.asdict(reading)


def of_preview(preview: Preview) -> dict[str, Any]:
    """The dataset that a file would become, without the file's path."""
    look = dataclasses.replace(preview.look, source=dataclasses.replace(preview.look.source, bundle=None))
    document = dataclasses.asdict(dataclasses.replace(preview, look=look))
    for name in ("path", "bundle"):
        del document["look"]["source"][name]
    return document


def of_difference(difference: Difference, limit: int) -> dict[str, Any]:
    """The differences between two versions: counts, and the first rows of each kind."""
    return {
        "n_same": difference.n_same,
        **{
            kind: {"count": len(rows), "first": [_plain(row) for row in rows[:limit]]}
            for kind in ("dropped", "added", "changed", "moved")
            for rows in (getattr(difference, kind),)
        },
    }


def _plain(row: Any) -> Any:
    return dataclasses.asdict(row) if dataclasses.is_dataclass(row) and not isinstance(row, type) else row


def of_health(report: Report) -> dict[str, Any]:
    """A health report: for each finding the number of rows, and examples."""
    return {
        "dataset": report.dataset,
        "n_rows": report.n_rows,
        "n_held_out": report.n_held_out,
        "outcome": report.outcome,
        "why": report.why,
        "unlearned": report.unlearned,
        "noted": list(report.noted),
        "findings": [_of_found(one) for one in report.found],
        "clean": list(report.clean),
        "baseline": _of_baseline(report.baseline) if report.baseline else None,
        "lengths": _of_lengths(report.lengths) if report.lengths else None,
    }


def _of_lengths(lengths: Lengths) -> dict[str, Any]:
    measured = dataclasses.asdict(lengths)
    rejected = measured["rejected"] and {key: measured["rejected"][key] for key in _SIDES}
    return {**{key: measured[key] for key in ("base", "context_length", *_SIDES, "parts")}, "rejected": rejected}


_SIDES = ("training", "held_out")


def _of_baseline(found: Baseline) -> dict[str, Any]:
    counts = [{"label": label, "n_rows": n} for label, n in found.counts]
    return {"label": found.label, "share": found.share, "n_labels": found.n_labels, "counts": counts}


def _of_found(one: Found) -> dict[str, Any]:
    check, finding = one.check, one.finding
    return {
        "check": check.key,
        "title": check.title,
        "level": one.level,
        "count": len(finding.rows),
        "out_of": finding.out_of,
        "share": finding.share,
        "says": finding.says,
        "why": check.why,
        "source": check.source,
        "unlearned": check.unlearned,
        "words": list(finding.words),
        "examples": [dataclasses.asdict(example) for example in finding.examples],
        "fix": check.fix.title if check.fix else None,
    }
