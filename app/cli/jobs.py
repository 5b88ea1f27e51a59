"""`studio jobs`: waiting, running and finished jobs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.cli import output
from app.cli.output import After, Json, Limit
from app.cli.train import Wait
from storage.page_limits import LIMIT
from templates.errors import BadInput, Problem
from templates.quantities import stopped_at

COLUMNS = ("id", "name", "kind", "state", "stage", "progress", "attempt", "created")
group = typer.Typer(help="Jobs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="jobs")


@group.command("list")
def list_all(
    state: Annotated[str, typer.Option(help="Only jobs in this state, like FAILED.")] = "",
    name: Annotated[str, typer.Option(help="Only jobs whose names contain this.")] = "",
    data: Annotated[str, typer.Option(help="Only jobs that use a dataset whose name contains this.")] = "",
    limit: Limit = LIMIT,
    after: After = None,
    as_json: Json = False,
) -> None:
    """List your jobs, newest first."""
    from app.api import documents
    from app.cli import acting
    from storage.jobs import job_lists
    from storage.listing import Place

    page = job_lists.page(acting.user(), Place(limit, after), job_lists.Wanted(state.upper(), name, data))
    rows = documents.of_jobs(page.rows)
    output.emit(rows, output.table([_shown(row) for row in rows], COLUMNS), as_json)
    output.tell_of_more(page.after)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    progress = f"{row['step']}/{row['total_steps']}" if row["total_steps"] else ""
    if stopped := (row.get("verdict") or {}).get("stopped"):
        progress = stopped_at(stopped["step"], stopped["of"])
    waiting = f"{row['position']} in the queue" if row["position"] else None
    return {**row, "progress": waiting or progress, "created": output.when(row["created_at"])}


@group.command("show")
def show(job_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Say what a job uses, how far it is or how it ended, and what to do next."""
    from app.api import documents
    from app.cli import acting, job_lines
    from storage.jobs import events, jobs

    user = acting.user()
    job = jobs.get(user, job_id)
    document = documents.of_job(job)
    history = events.of_job(job.id)
    document["events"] = [documents.of_event(user, event) for event in history]
    output.emit(document, job_lines.of(job, history), as_json)


@group.command("logs")
def logs(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    lines: Annotated[int, typer.Option(min=1)] = 200,
    attempt: Annotated[int | None, typer.Option(min=1, help="The attempt; by default the last.")] = None,
    as_json: Json = False,
) -> None:
    """Print the end of a job's log."""
    from app.cli import acting
    from storage.jobs import jobs, workspaces

    job = jobs.get(acting.user(), job_id)
    if attempt is not None and attempt > job.attempt:
        raise BadInput(Problem(f"There is no attempt {attempt}; the last is {job.attempt}.", field="--attempt"))
    number = attempt or job.attempt
    text = workspaces.log_tail(job_id, number, lines)
    output.emit({"job_id": job_id, "attempt": number, "log": text}, [text] if text else [], as_json)


@group.command("cancel")
def cancel(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    keep: Annotated[bool, typer.Option("--keep", help="Publish what a training job has learned so far.")] = False,
    as_json: Json = False,
) -> None:
    """Cancel a job."""
    from app.api import documents
    from app.cli import acting
    from storage.jobs import jobs

    job = jobs.cancel(acting.user(), job_id, keep=keep)
    line = "Cancelled." if job.state == "CANCELLED" else "The job stops after this step."
    output.emit(documents.of_job(job), [line], as_json)


@group.command("retry")
def retry(job_id: Annotated[str, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Submit a finished job again as a new one."""
    from app.api import documents
    from app.cli import acting
    from storage.jobs import jobs

    user = acting.user()
    job, before = jobs.retry(user, job_id), jobs.get(user, job_id)
    lines = [f"Job {job.id} waits."]
    if job.name != before.name:
        lines.append(f"The name “{before.name}” is taken; the result will be called “{job.name}”.")
    output.emit(documents.of_job(job), lines, as_json)


@group.command("contrast")
def contrast(job_id: Annotated[str, typer.Argument(metavar="ID")], wait: Wait = False, as_json: Json = False) -> None:
    """Run a distillation again without its teacher, to see what the teacher was worth.

    The same base, rows, method and seed; the rows' own answers are learned. Once queued, the same job is returned.
    """
    from app.cli import acting, waiting
    from storage.jobs import jobs
    from storage.planning import contrasts

    user = acting.user()
    job = contrasts.submit(user, jobs.get(user, job_id))
    output.note(f"job {job.id} ({job.name}); compare both: studio runs compare {job.id} {job_id}")
    waiting.report(user, job, wait, as_json)
