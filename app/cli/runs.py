"""`studio runs`: trainings side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import output
from app.cli.output import Json

group = typer.Typer(help="Trainings side by side.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="runs")


@group.callback()
def runs() -> None:
    """Trainings side by side."""


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


def _lines(found: object) -> list[str]:
    from app import run_words
    from storage.runs.comparison import Comparison
    from templates.shortened import shortened

    assert isinstance(found, Comparison)
    labels = [run.label for run in found.runs]
    settings = [
        {"setting": one.title, **dict(zip(labels, map(shortened, one.values), strict=True))} for one in found.differing
    ]
    lines = output.table(settings, ["setting", *labels]) if settings else ["All settings are the same."]
    against = {one.run.job.id: one for one in found.against_first}
    verdicts = []
    for run in found.runs:
        metric = str((run.verdict or {}).get("headline", ""))
        one = against.get(run.job.id)
        told = "; ".join(
            f"{run_words.METRICS.get(difference.metric, difference.metric).lower()} {run_words.difference(difference)}"
            for difference in (one.differences if one else [])
        )
        verdicts.append(
            {
                "run": run.label,
                "metric": run_words.METRICS.get(metric, metric),
                "score": run_words.score(metric, run.verdict["metrics"][metric]["adapted"]) if run.verdict else "–",
                f"against {labels[0]}": told or (one.why_not if one else ""),
            }
        )
    return [*lines, "", *output.table(verdicts, list(verdicts[0])), "", *found.remarks]
