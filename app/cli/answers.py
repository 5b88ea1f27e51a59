"""`studio data filters`, `dropped` and `revise`: what became of a teacher's answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import data, output
from app.cli.output import Json
from templates.errors import BadInput, Problem

COLUMNS = ("number", "reason", "prompt", "answer")
SHOWN = 60


def register(_app: typer.Typer) -> None:
    """Add these commands to `studio data`."""
    data.group.command("filters")(list_filters)
    data.group.command("dropped")(show_dropped)
    data.group.command("revise")(revise)


def list_filters(as_json: Json = False) -> None:
    """List the filters for the answers of `studio generate`, with their settings."""
    from app.api import answer_documents

    found = answer_documents.of_filters()
    rows = [
        {**one, "settings": ", ".join(f"{p['name']}={p['default']}" for p in one["parameters"]), "drops": one["title"]}
        for one in found
    ]
    output.emit(found, output.table(rows, ("key", "drops", "settings")), as_json)


def show_dropped(
    name: str,
    reason: Annotated[str, typer.Option("--filter", help="Only those that this filter dropped.")] = "",
    offset: Annotated[int, typer.Option(min=0, help="Skip so many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="The most answers to list.")] = 20,
    to: Annotated[Path | None, typer.Option(help="Write all of them to this file, as JSON lines.")] = None,
    as_json: Json = False,
) -> None:
    """List the answers that didn't become rows of a dataset, and why."""
    from app.api import answer_documents
    from app.cli import acting
    from storage.data import datasets
    from storage.data.answers import dropped, revising
    from templates import registry
    from templates.shortened import shortened

    row = datasets.get(acting.user(), name)
    if to is not None:
        with to.open("w", encoding="utf-8") as file:
            file.writelines(dropped.lines(row))
    found = dropped.page(row, offset, limit, reason=reason)
    document = answer_documents.of_dropped(found, offset)
    shape = registry.shape(row.shape)
    rows = [
        {
            "number": one.number,
            "reason": one.reason,
            "prompt": shortened(revising.prompt_of(shape, one.row), SHOWN),
            "answer": shortened(revising.text_of(shape, one.row), SHOWN),
        }
        for one in found.answers
    ]
    lines = [f"{each['count']:,} {each['outcome']}." for each in document["by_filter"]] or ["No answer was dropped."]
    output.emit(document, [*lines, *(output.table(rows, COLUMNS) if rows else [])], as_json)
    if offset + len(rows) < found.n_answers:
        output.note(f"There are more. To see them, repeat the command with --offset {offset + len(rows)}")


def revise(
    name: str,
    put_back: Annotated[list[int] | None, typer.Option(metavar="NUMBER", help="A dropped answer to put back.")] = None,
    remove: Annotated[list[int] | None, typer.Option(metavar="NUMBER", help="A row to remove.")] = None,
    rewrite: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER=TEXT", help="A new text for a row or for an answer put back.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="Name of the new version; by default the next number.")] = None,
    as_json: Json = False,
) -> None:
    """Put dropped answers back, remove answers or rewrite them, in a new version; NAME doesn't change.

    All options may be repeated. `studio data dropped` and `studio data show` give the numbers (source_row).
    """
    from app.api import documents
    from app.cli import acting
    from storage.data.answers import revising

    texts = output.pairs(rewrite or (), "--rewrite")
    wrong = [Problem(f"“{key}” is no number.", field="--rewrite") for key in texts if not key.isdigit()]
    if wrong:
        raise BadInput(*wrong)
    made = revising.revise(
        acting.user(),
        name,
        put_back=put_back or (),
        remove=remove or (),
        rewrite={int(key): text for key, text in texts.items()},
        name=to,
    )
    lines = [f"{made.name}: {made.n_rows:,} rows, {made.n_held_out:,} of them held out."]
    lines += [f"{one['title']}: {sum(v for k, v in one.items() if k.startswith('n_')):,}." for one in made.fixes]
    output.emit(documents.of_dataset(made), lines, as_json)
