"""`studio data`: datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import data_files, output
from app.cli import data_options as options
from app.cli.output import After, Json, Limit
from storage.page_limits import LIMIT

if TYPE_CHECKING:
    from storage.data.rows.words import Words

N_SHOWN = 3
COLUMNS = ("name", "shape", "n_rows", "n_held_out", "held_out_openings", "source_filename", "sha256")
SAMPLE_COLUMNS = ("name", "shape", "n_rows", "shows")
group = typer.Typer(help="Datasets.", no_args_is_help=True)
Against = Annotated[
    str | None, typer.Option(metavar="DATASET", help="Evaluation set whose rows must not be trained on.")
]
WordFile = Annotated[
    Path | None,
    typer.Option(
        "--words", metavar="FILE", help="Words to look for, one per line; lines that begin with # are comments."
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="data")


@group.command("add")
def add(
    files: options.Files = None,
    name: options.Name = None,
    sample: options.Sample = None,
    from_artifact: options.FromArtifact = None,
    config: options.Config = None,
    split: options.SplitName = None,
    rows: options.Rows = None,
    shape: options.Shape = None,
    mapping: options.Mapping = None,
    guess_anew: options.GuessAnew = False,
    seed: options.Seed = 42,
    held_out_share: options.HeldOutShare = 0.10,
    held_out_file: options.HeldOutFile = None,
    instruction: options.Instruction = None,
    leave_out_refused: options.LeaveOutRefused = False,
    replace_unreadable: options.ReplaceUnreadable = False,
    as_json: Json = False,
) -> None:
    """Check a file of rows and keep it as a dataset, with held-out rows set aside."""
    if from_artifact is not None:
        data_files.keep_answers(from_artifact, files, sample, name, as_json=as_json)
        return
    name = data_files.name(files, sample, name)
    from storage import fork_server

    fork_server.start()  # starts while the other imports run
    from app.api import documents
    from app.cli import acting
    from storage.data.splits import Split

    how = data_files.Reading(
        shape, data_files.mapping(mapping or ()) or None, leave_out_refused, replace_unreadable, guess_anew
    )
    user, on_hub = acting.user(), data_files.OnHub(config, split, rows)
    upload = data_files.upload(user, files, sample, on_hub)
    row = how.kept(user, upload, name, Split(seed, held_out_share, held_out_file), instruction)
    output.emit(documents.of_dataset(row), data_files.told(row), as_json)


@group.command("samples")
def list_samples(as_json: Json = False) -> None:
    """List the sample data that ships with the product, and what each set demonstrates."""
    from app import samples

    rows = samples.described()
    output.emit(rows, output.table(rows, SAMPLE_COLUMNS), as_json)


@group.command("list")
def list_all(limit: Limit = LIMIT, after: After = None, as_json: Json = False) -> None:
    """List your datasets, newest first."""
    from app.api import documents
    from app.cli import acting
    from storage.data import dataset_lists
    from storage.listing import Place

    page = dataset_lists.page(acting.user(), Place(limit, after))
    rows = documents.of_datasets(page.rows)
    output.emit(rows, output.table([{**row, "sha256": row["sha256"][:12]} for row in rows], COLUMNS), as_json)
    output.tell_of_more(page.after)


@group.command("show")
def show(name: str, as_json: Json = False) -> None:
    """Show one dataset and its first rows."""
    from app.api import documents
    from app.cli import acting
    from storage.data import datasets

    row = datasets.get(acting.user(), name)
    document = {**documents.of_dataset(row), "first_rows": datasets.rows(row)[:N_SHOWN]}
    output.emit(document, output.facts(document), as_json)


@group.command("check")
def check(
    name: str,
    base: Annotated[
        str | None,
        typer.Option(help="Base model whose tokens are used to measure lengths; lengths are skipped without it."),
    ] = None,
    against: Against = None,
    words: WordFile = None,
    as_json: Json = False,
) -> None:
    """Report problems in a dataset's rows that would harm training or its score; changes nothing."""
    from app.api import documents
    from app.cli import acting
    from storage.data.health import report, table

    with output.progress():
        found = report.of_dataset(acting.user(), name, base=base, against=against, words=_listed(words))
    output.emit(documents.of_health(found), table.lines(found), as_json)


@group.command("fix")
def fix(
    name: str,
    fixes: Annotated[list[str], typer.Option("--fix", metavar="CHECK", help="The finding to fix; may be repeated.")],
    to: Annotated[str | None, typer.Option(help="Name of the new version; by default the next number.")] = None,
    base: Annotated[str | None, typer.Option(help="Base model whose tokens are used to measure lengths.")] = None,
    against: Against = None,
    words: WordFile = None,
    as_json: Json = False,
) -> None:
    """Fix findings of `studio data check` in a new version; NAME doesn't change."""
    from app.api import documents
    from app.cli import acting
    from storage.data.health import fixing
    from storage.data.rows.words import shown

    with output.progress():
        made = fixing.fix(acting.user(), name, fixes, base=base, against=against, words=_listed(words), name=to)
    lines = [f"{made.name}: {made.n_rows:,} rows, {made.n_held_out:,} of them held out."]
    lines += [f"{one['title']}: {one['n_dropped']:,} dropped, {one['n_changed']:,} changed." for one in made.fixes]
    lines += [f"Dropped for {shown(one['words'])}." for one in made.fixes if "words" in one]
    output.emit(documents.of_dataset(made), lines, as_json)


def _listed(file: Path | None) -> Words | None:
    from storage.data.rows.words import of_file

    return of_file(file) if file else None


@group.command("diff")
def diff(older: str, newer: str, as_json: Json = False) -> None:
    """Show the differences between two versions."""
    from app.api import documents
    from app.cli import acting
    from storage.data import versions

    document = documents.of_difference(versions.difference(acting.user(), older, newer), N_SHOWN)
    output.emit(document, output.facts(document), as_json)


@group.command("export")
def export(
    name: str,
    to: Annotated[Path, typer.Option(help="The file to write: .jsonl, .csv or .parquet.")],
    as_json: Json = False,
) -> None:
    """Write all rows of a dataset to a file."""
    from app.cli import acting
    from storage.data import datasets, row_export

    row = datasets.get(acting.user(), name)
    row_export.write(row, to)
    output.emit({"file": str(to), "n_rows": row.n_rows}, [f"{to}: {row.n_rows:,} rows."], as_json)


@group.command("delete")
def delete(name: str, as_json: Json = False) -> None:
    """Delete a dataset; models trained on it stay."""
    from app.cli import acting
    from storage.data import datasets

    datasets.delete(acting.user(), name)
    output.emit({"deleted": name}, [f"Deleted {name}."], as_json)
