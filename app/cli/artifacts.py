"""`studio artifacts`: the gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import output
from app.cli.output import After, Json, Limit
from app.cli.train import Key, Wait, value_of
from storage.page_limits import LIMIT
from templates.jobs.reduce_intruders import ReduceIntrudersParams
from templates.quantities import size

COLUMNS = ("name", "kind", "verdict", "weights", "size", "created")
group = typer.Typer(help="The gallery: the results of jobs.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="artifacts")


@group.command("list")
def list_all(limit: Limit = LIMIT, after: After = None, as_json: Json = False) -> None:
    """List your artifacts, newest first."""
    from app.api import documents
    from app.cli import acting
    from storage.gallery import artifact_lists
    from storage.listing import Place

    page = artifact_lists.page(acting.user(), Place(limit, after))
    rows = documents.of_artifacts(page.rows)
    output.emit(rows, output.table([_shown(row) for row in rows], COLUMNS), as_json)
    output.tell_of_more(page.after)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "verdict": (row.get("verdict") or {}).get("verdict"),
        "weights": row.get("weights_sha256", "")[:12],
        "size": size(row["size_bytes"]),
        "created": output.when(row["created_at"]),
    }


@group.command("show")
def show(name: str, as_json: Json = False) -> None:
    """Show one artifact: lineage, recipe, verdict, checksums."""
    from app.api import documents
    from app.cli import acting, verdicts
    from storage.gallery import artifacts

    document = documents.of_artifact(artifacts.get(acting.user(), name))
    verdict = document.get("verdict") or {}
    said = [verdict["sentence"], *verdicts.measured(verdict, document["held_out_openings"])] if verdict else []
    output.emit(document, [*output.facts(document), "", *said], as_json)


@group.command("export")
def export(
    name: str,
    to: Annotated[Path, typer.Option(metavar="PATH", help="A new folder, or a file ending in .zip.")],
    strength: Annotated[
        float | None,
        typer.Option(
            help="Share of a LoRA adapter's effect, above 0, at most 1. Lower forgets less, but has learned less."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write an artifact's files, in Hugging Face layout, to a folder or a zip."""
    from app.cli import acting
    from storage.gallery import downloads

    written = downloads.export(acting.user(), name, to, strength)
    output.emit({"artifact": name, "path": str(written), "strength": strength}, [f"Wrote {written}"], as_json)


@group.command("reduce-intruders")
def reduce_intruders(
    artifact: Annotated[str, typer.Argument(help="A LoRA result.", metavar="NAME")],
    name: Annotated[str, typer.Option(help="The name of the new result.")],
    data: Annotated[str | None, typer.Option(help="Rows to judge it on, instead of those that it learned.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=f"{', '.join(ReduceIntrudersParams.model_fields)}."),
    ] = None,
    idempotency_key: Key = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Reduce a LoRA result's intruder dimensions, so that it forgets less; trains nothing."""
    from app.cli import acting, waiting
    from storage.planning import intruders

    user = acting.user()
    given = {key: value_of(text) for key, text in output.pairs(settings or [], "--set").items()}
    job = intruders.submit(user, model=artifact, name=name, dataset=data, settings=given, idem_key=idempotency_key)
    output.note(f"job {job.id}")
    waiting.report(user, job, wait, as_json)


@group.command("delete")
def delete(name: str, as_json: Json = False) -> None:
    """Delete an artifact."""
    from app.cli import acting
    from storage.gallery import artifacts

    artifacts.delete(acting.user(), name)
    output.emit({"deleted": name}, [f"Deleted {name}."], as_json)
