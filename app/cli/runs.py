"""`studio runs`: trainings side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import output
from app.cli.output import Json

if TYPE_CHECKING:
    from storage.runs.comparison import Comparison, Run

group = typer.Typer(help="Trainings side by side.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="runs")


@group.callback()
def runs() -> None:
    """Without this, typer would make its only command the group itself."""


@group.command("compare")
def compare(
    job_ids: Annotated[
        list[str], typer.Argument(metavar="ID ID …", help="Two to six jobs; the first is the reference.")
    ],
    as_json: Json = False,
) -> None:
    """Compare trainings with the first one: settings that differ, verdicts, paired differences."""
    from app.api import run_documents
    from app.cli import acting
    from storage.runs import comparison

    found = comparison.compare(acting.user(), job_ids)
    output.emit(run_documents.of_comparison(found), _lines(found), as_json)


def _lines(found: Comparison) -> list[str]:
    from templates.shortened import shortened

    labels = [run.label for run in found.runs]
    settings = [
        {"setting": one.title, **dict(zip(labels, map(shortened, one.values), strict=True))} for one in found.differing
    ]
    lines = output.table(settings, ["setting", *labels]) if settings else ["All settings are the same."]
    verdicts = [_verdict(found, run) for run in found.runs]
    return [*lines, "", *output.table(verdicts, list(verdicts[0])), "", *found.remarks]


def _verdict(found: Comparison, run: Run) -> dict[str, str]:
    from app import run_words

    one = next((one for one in found.against_first if one.run is run), None)
    told = [run_words.named_difference(each) for each in one.differences] if one else []
    if one and one.why_not:
        told.append(one.why_not)
    metric = str(run.verdict["headline"]) if run.verdict else ""
    return {
        "run": run.label,
        "metric": run_words.title(metric) if metric else "–",
        "score": run_words.score(metric, run.verdict["metrics"][metric]["adapted"]) if run.verdict else "–",
        f"against {found.first.label}": "; ".join(told),
    }
